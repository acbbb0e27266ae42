"""What the parameters of a layer's neurons are worth: given for the layer, or by their `setup`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from xdsl.dialects import arith
from xdsl.ir import Operation, SSAValue

from snnir.analysis.network import LayerOp, neuron_of
from snnir.dialects.assembly import int_list
from snnir.dialects.snn import FireOp
from snnir.errors import UserError

FUNCTIONS: dict[type[Operation], Callable] = {
    arith.AddfOp: np.add,
    arith.SubfOp: np.subtract,
    arith.MulfOp: np.multiply,
    arith.DivfOp: np.divide,
    arith.MaximumfOp: np.maximum,
    arith.MinimumfOp: np.minimum,
}
"""The numpy function of each op of a `setup`."""


def neuron_parameters(op: LayerOp, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters of a layer's neurons, real numbers per channel that are still to be rounded.

    Args:
        found: what quantise makes of the layer: `bias`, and `theta` where it fires.

    Raises:
        UserError: a parameter that nobody gives a value.
    """
    neuron, where = neuron_of(op), f"layer '{op.label.data}'"
    settings = op.settings.data if op.settings is not None else {}
    worth = _setup(op, found) if neuron.setup is not None else dict(found)
    channels = op.current.type.dims[0]
    result = {}
    for name in neuron.param_names:
        if name in settings:
            given = np.array(int_list(settings[name]), np.float64)
            result[name] = np.broadcast_to(given, (channels,))
        elif name not in worth:
            raise UserError(f"quantise does not know the neuron's parameter '{name}'", where=where)
        elif np.isnan(worth[name]).any():
            raise UserError(
                f"neuron @{neuron.sym_name.data} needs a value for its parameter '{name}'",
                where=where,
                hint=f"give --neuron-values {name}=..., or write it in the neuron's file",
            )
        elif not np.isfinite(worth[name]).all():
            raise UserError(f"the neuron's parameter '{name}' is infinite", where=where)
        else:
            result[name] = worth[name]
    return result


def _setup(op: LayerOp, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the region `setup` yields for a layer."""
    neuron, channels = neuron_of(op), op.current.type.dims[0]
    ends = op.train.type if isinstance(op, FireOp) else op.current.type
    block = neuron.setup.block
    nothing = np.full(channels, np.nan)
    inputs = (
        np.rint(found.get("theta", nothing)),
        np.rint(found["bias"]),
        np.arange(channels, dtype=np.float64),
        np.full(channels, float(channels)),
        np.full(channels, float(ends.steps.data)),
    )
    known: dict[SSAValue, np.ndarray] = dict(zip(block.args, inputs, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        for inner in block.ops:
            if inner is block.last_op:
                break
            known[inner.results[0]] = _evaluated(inner, known, channels)
    results = (known[value] for value in block.last_op.operands)
    return dict(zip(neuron.param_names, results, strict=True))


def _evaluated(op: Operation, known: Mapping[SSAValue, np.ndarray], channels: int) -> np.ndarray:
    if isinstance(op, arith.ConstantOp):
        return np.full(channels, op.value.value.data)
    function = FUNCTIONS.get(type(op))
    if function is None:
        raise UserError(f"no meaning is known for {op.name} in a neuron's setup")
    return function(*(known[operand] for operand in op.operands))
