"""Runs a neuron's regions on numpy integers: the reference of what every back end must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from xdsl.dialects import arith
from xdsl.ir import Operation, SSAValue

from snnir.analysis.ranges import integrations
from snnir.dialects.snn import LookupOp, NeuronOp
from snnir.errors import UserError

FUNCTIONS: dict[type[Operation], Callable] = {
    arith.AddiOp: np.add,
    arith.SubiOp: np.subtract,
    arith.MuliOp: np.multiply,
    arith.ShLIOp: np.left_shift,
    arith.ShRSIOp: np.right_shift,
    # The range analysis has shown that what is shifted here is never negative.
    arith.ShRUIOp: np.right_shift,
    arith.MaxSIOp: np.maximum,
    arith.MinSIOp: np.minimum,
    arith.AndIOp: np.bitwise_and,
    arith.OrIOp: np.bitwise_or,
    arith.XOrIOp: np.bitwise_xor,
    arith.ExtUIOp: lambda a: np.asarray(a).astype(np.int64),
}
"""The numpy function of each op; another op joins by a line here and one in the range rules."""

COMPARISONS = (
    np.equal,
    np.not_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
)


def evaluate(op: Operation, operands: Sequence[np.ndarray]) -> np.ndarray:
    """The result of one op of a region."""
    if isinstance(op, arith.ConstantOp):
        return np.asarray(op.value.value.data)
    if isinstance(op, arith.CmpiOp):
        predicate = op.predicate.value.data
        if predicate >= len(COMPARISONS):
            raise UserError("a neuron compares as signed integers", hint="use slt, sge, ...")
        return COMPARISONS[predicate](*operands)
    if isinstance(op, arith.SelectOp):
        return np.where(*operands)
    if isinstance(op, LookupOp):
        return np.take(np.array(op.entries, np.int64), operands[0], mode="clip")
    function = FUNCTIONS.get(type(op))
    if function is None:
        raise UserError(f"no meaning is known for {op.name} in a neuron")
    return function(*operands)


def run_region(neuron: NeuronOp, role: str, arguments: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The values that a region yields for its block arguments."""
    block = neuron.role(role).block
    known: dict[SSAValue, np.ndarray] = dict(zip(block.args, arguments, strict=True))
    for op in block.ops:
        if op is block.last_op:
            return [known[v] for v in op.operands]
        known[op.results[0]] = evaluate(op, [known[v] for v in op.operands])
    raise AssertionError("a region ends in snn.yield")


def run_neuron(
    neuron: NeuronOp,
    currents: Sequence[np.ndarray],
    params: Mapping[str, np.ndarray],
    *,
    coding: str,
    steps_in: int,
    steps_out: int,
    fraction: int,
    rate: bool,
    windows: int = 1,
) -> tuple[list[np.ndarray] | None, np.ndarray]:
    """One layer of neurons over one image (or a batch of them).

    Args:
        currents: one array per plane, (N, C, ...), integers; for `direct` currents into a rate
            neuron a single array is taken as the decoded sum over the planes.
        params: one integer per channel for each of the neuron's parameters.
        coding, steps_in: of the currents; steps_out: of the neuron's train.
        fraction: bits by which the currents are shifted left first.
        rate: whether the neuron's own train is rate-coded.
        windows: so many of the N, one behind the other, are windows of one sample: the neurons
            begin each but the first with the states that they had at the end of the one before.

    Returns:
        (spikes, membrane): a boolean array per step, None if the neuron never fires, and the
        first state at the end.
    """
    how = {"coding": coding, "steps_in": steps_in, "steps_out": steps_out}
    how |= {"fraction": fraction, "rate": rate}
    if windows == 1:
        spikes, states = run_window(neuron, currents, params, None, **how)
        return spikes, states[0]
    parts, states = [], None
    for window in range(windows):
        planes = [plane[window::windows] for plane in currents]
        spikes, states = run_window(neuron, planes, params, states, **how)
        parts.append([*(spikes or ()), states[0]])
    # Window by window of a sample, then the next sample.
    *spikes, membrane = (
        np.stack(part, axis=1).reshape(len(currents[0]), *part[0].shape[1:])
        for part in zip(*parts, strict=True)
    )
    return (None if neuron.emission.data == "none" else spikes), membrane


def run_window(
    neuron: NeuronOp,
    currents: Sequence[np.ndarray],
    params: Mapping[str, np.ndarray],
    states: list[np.ndarray] | None,
    *,
    coding: str,
    steps_in: int,
    steps_out: int,
    fraction: int,
    rate: bool,
) -> tuple[list[np.ndarray] | None, list[np.ndarray]]:
    """One layer of neurons over one window: as `run_neuron`.

    Args:
        states: those at the end of the window before, None in the first one.

    Returns:
        (spikes, states): the states are those at the end.
    """
    calls, weights = integrations(coding, rate, steps_in, steps_out)
    planes = [np.asarray(c, np.int64) for c in currents]
    if weights is not None and len(planes) > 1:
        planes = [sum(w * plane for w, plane in zip(weights, planes, strict=True))]
    if fraction:
        planes = [plane << fraction for plane in planes]
    if weights is not None:
        planes = planes * calls
    assert len(planes) == calls, f"{len(planes)} plane currents for {calls} calls"
    rank = planes[0].ndim
    given = [
        np.asarray(params[name], np.int64).reshape(-1, *([1] * (rank - 2)))
        for name in neuron.param_names
    ]
    emission = neuron.emission.data
    spikes: list[np.ndarray] = []

    def fire(states: list[np.ndarray], left: int) -> list[np.ndarray]:
        *states, spike = run_region(neuron, "fire", [*states, *given, np.int64(left)])
        spikes.append(np.broadcast_to(spike, planes[0].shape))
        return states

    if states is None:
        states = run_region(neuron, "start", given)
    for step, plane in enumerate(planes):
        states = run_region(neuron, "integrate", [*states, plane, *given])
        if emission == "causal":
            states = fire(states, calls - 1 - step)
    if emission != "causal":
        states = run_region(neuron, "settle", [*states, *given])
    if emission == "after":
        for left in reversed(range(steps_out)):
            states = fire(states, left)
    states = [np.broadcast_to(state, planes[0].shape) for state in states]
    return (None if emission == "none" else spikes), states
