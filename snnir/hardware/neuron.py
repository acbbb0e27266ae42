"""The fire datapath: a neuron's regions unrolled over its steps, a register behind each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xdsl.dialects import arith
from xdsl.ir import Operation, SSAValue

from snnir.dialects.snn import LookupOp, NeuronOp
from snnir.errors import UserError
from snnir.hardware.language.builder import Module, Signal, cat, mux, select
from snnir.hardware.language.names import legal_name
from snnir.hardware.products import fit
from snnir.hardware.stages import role_schedule
from snnir.hardware.timing import fire_stages, neuron_stages

if TYPE_CHECKING:
    from snnir.dialects.pe_types import ArrayParameters
    from snnir.schedule.program import Mode


def _shift(kind: str) -> Callable[[Signal, Signal], Signal]:
    def build(value: Signal, amount: Signal) -> Signal:
        if amount.constant is not None:
            return getattr(value, kind)(amount.constant)
        return getattr(value, kind)(amount)

    return build


def _difference(a: Signal, b: Signal) -> Signal:
    """a - b with a bit for its sign.

    One carry chain then gives both what is left and whether there is so much: synthesis builds a
    comparison of its own otherwise, with more LUTs in front of its chain.
    """
    width = a.width + 1
    return a.sext(width) - b.sext(width)


_BINARY: dict[type[Operation], Callable[[Signal, Signal], Signal]] = {
    arith.AddiOp: lambda a, b: a + b,
    arith.SubiOp: lambda a, b: _difference(a, b).trunc(a.width),
    arith.MuliOp: lambda a, b: a * b,
    arith.ShLIOp: _shift("shl"),
    arith.ShRSIOp: _shift("sra"),
    # The range analysis has shown that what is shifted here is never negative.
    arith.ShRUIOp: _shift("sra"),
    arith.MaxSIOp: lambda a, b: mux(a.slt(b), b, a),
    arith.MinSIOp: lambda a, b: mux(a.slt(b), a, b),
    arith.AndIOp: lambda a, b: a & b,
    arith.OrIOp: lambda a, b: a | b,
    arith.XOrIOp: lambda a, b: a ^ b,
}
"""The hardware of each op of a neuron's regions; another op joins by a line here."""

_PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge")


def _operation(m: Module, op: Operation, operands: Sequence[Signal], width: int) -> Signal:
    if isinstance(op, arith.ConstantOp):
        return m.const(op.value.value.data, 1 if str(op.result.type) == "i1" else width)
    if isinstance(op, arith.CmpiOp):
        predicate = op.predicate.value.data
        if predicate >= len(_PREDICATES):
            raise UserError("a neuron compares as signed integers", hint="use slt, sge, ...")
        a, b = operands
        name = _PREDICATES[predicate]
        if name in ("eq", "ne") or a.constant is not None or b.constant is not None:
            return getattr(a, name)(b)
        if name in ("sgt", "sle"):
            a, b = b, a
        below = _difference(a, b).msb
        return below if name in ("slt", "sgt") else ~below
    if isinstance(op, arith.SelectOp):
        return mux(*operands)
    if isinstance(op, arith.ExtUIOp):
        return operands[0].zext(width)
    if isinstance(op, LookupOp):
        return _lookup(m, operands[0], op.entries, width)
    build = _BINARY.get(type(op))
    if build is None:
        raise UserError(
            f"no hardware is known for {op.name} in a neuron",
            hint="use the arith ops on integers that docs/machine.md names",
        )
    return build(*operands)


def _lookup(m: Module, index: Signal, entries: Sequence[int], width: int) -> Signal:
    """An entry of a table; one that is as long as a power of two, so that bits choose it."""
    # What does not fit is never chosen, as the range analysis has shown.
    values = [m.const(entry & ((1 << width) - 1), width) for entry in entries]
    if len(values) == 1:
        return values[0]
    bits = (len(values) - 1).bit_length()
    index = index.sext(max(index.width, bits + 1))
    chosen = select(index.trunc(bits), values + values[-1:] * ((1 << bits) - len(values)))
    above = mux(index.msb, values[0], values[-1])
    within = index.bits(bits, index.width - bits).eq(0)
    return mux(within, chosen, above)


class _Pipeline:
    """Values that travel together: each call of `clock` puts a register behind all of them."""

    def __init__(self, m: Module, neuron: NeuronOp, width: int):
        self.m, self.neuron, self.width = m, neuron, width
        self.states: list[Signal] = []
        self.params: list[Signal] = []
        self.spikes: list[Signal] = []
        self.pending: list[Signal] = []
        self.kept: list[Signal] = []
        self.stage = 0

    def clock(self, live: Mapping[SSAValue, Signal] | None = None) -> dict[SSAValue, Signal]:
        """End a stage: register what is still needed; `live` are values inside of a region."""
        self.stage += 1
        registered: dict[Signal, Signal] = {}

        def register(name: str, value: Signal) -> Signal:
            if value.constant is not None:
                return value
            if value not in registered:
                registered[value] = self.m.pipe(f"{name}_s{self.stage}", value)
            return registered[value]

        # Parameters first, so that what is a parameter too is called by its name.
        names = self.neuron.param_names
        self.params = [register(n, v) for n, v in zip(names, self.params, strict=True)]
        names = self.neuron.state_names
        self.states = [register(n, v) for n, v in zip(names, self.states, strict=False)]
        self.kept = [register(f"kept{i}", v) for i, v in enumerate(self.kept)]
        self.spikes = [register(f"spike{i}", v) for i, v in enumerate(self.spikes)]
        last = len(self.pending) - 1
        self.pending = [register(f"current{last - i}", v) for i, v in enumerate(self.pending)]
        return {v: register(v.name_hint or "x", s) for v, s in (live or {}).items()}

    def call(self, role: str, *arguments: Signal) -> list[Signal]:
        """The hardware of one region; `arguments` as its block takes them.

        Between the region's stages what later ones need is registered, and all that waits.
        """
        block = self.neuron.role(role).block
        plan = role_schedule(self.neuron, role)
        known: dict[SSAValue, Signal] = dict(zip(block.args, arguments, strict=True))
        # The states are among the values of the region while it is computed.
        self.states = []
        for stage in range(plan.stages):
            if stage:
                needed = {v for op, at in plan.stage.items() if at >= stage for v in op.operands}
                needed |= set(block.last_op.operands)
                known = self.clock({v: s for v, s in known.items() if v in needed})
            for op, at in plan.stage.items():
                if at == stage:
                    operands = [known[v] for v in op.operands]
                    known[op.results[0]] = _operation(self.m, op, operands, self.width)
        assert block.last_op is not None
        return [known[v] for v in block.last_op.operands]

    def start(self, fresh: Signal | None) -> None:
        """The states as declared where they are `fresh`, always if that is not told, or as kept."""
        self.states = self.call("start", *self.params)
        if fresh is not None:
            pairs = zip(self.states, self.kept, strict=True)
            self.states, self.kept = [mux(fresh, new, old) for new, old in pairs], []
            self.clock()

    def integrate(self) -> None:
        current = self.pending.pop(0)
        self.states = self.call("integrate", *self.states, current, *self.params)
        self.clock()

    def settle(self) -> None:
        self.states = self.call("settle", *self.states, *self.params)
        self.clock()

    def fire(self, left: int) -> None:
        *self.states, spike = self.call(
            "fire", *self.states, *self.params, self.m.const(left, self.width)
        )
        self.spikes.append(spike)
        self.clock()


def resize(value: Signal, width: int) -> Signal:
    """A signed value in another width."""
    return value.sext(width) if width >= value.width else value.trunc(width)


def pipeline_module(
    name: str,
    neuron: NeuronOp,
    mode: Mode,
    array: ArrayParameters,
    fractions: Sequence[int],
    kept: Sequence[int] = (),
) -> Module:
    """One neuron under one mode as a pipeline: plane accumulators in, train and membrane out.

    Ports: `current0` ... (acc_bits; the first plane in time first), the parameters (membrane_bits),
    `fraction` (index into `fractions`) where there is more than one; `train` (steps, absent for a
    readout), `membrane`.  The result follows the input after `neuron_stages(mode)` clocks.  With a
    mode that is kept also `kept`, states of the bits `kept`, the first one lowest, taken unless
    `fresh`, and `kept_next`, those at the end.
    """
    m = Module(
        name,
        doc=f"neuron @{neuron.sym_name.data}: {mode.planes} plane currents"
        + (", summed up first" if mode.replays else "")
        + ("" if neuron.emission.data == "none" else f", {mode.steps} steps fire"),
    )
    m.clock()
    width = array.membrane_bits
    pipeline = _Pipeline(m, neuron, width)
    planes = [resize(m.input(f"current{p}", array.acc_bits), width) for p in range(mode.planes)]
    pipeline.params = [m.input(legal_name(param), width) for param in neuron.param_names]
    if len(fractions) > 1:
        index = m.input("fraction", (len(fractions) - 1).bit_length())
        planes = [select(index, [plane.shl(f) for f in fractions]) for plane in planes]
    else:
        planes = [plane.shl(fractions[0]) for plane in planes]
    pipeline.pending = planes
    fresh = None
    if mode.kept:
        fresh, word, at = m.input("fresh", 1), m.input("kept", sum(kept)), 0
        for bits in kept:
            pipeline.kept.append(resize(word.bits(at, bits), width))
            at += bits
    if mode.replays:
        # The decoded sum rides in front of the planes that are still to be added.
        for _ in range(mode.planes - 1):
            total, plane, *rest = pipeline.pending
            pipeline.pending = [total.shl(1) + plane, *rest]
            pipeline.clock()
        pipeline.pending = pipeline.pending * mode.steps
    calls = len(pipeline.pending)
    emission = neuron.emission.data
    pipeline.start(fresh)
    for step in range(calls):
        pipeline.integrate()
        if emission == "causal":
            pipeline.fire(calls - 1 - step)
    if emission != "causal":
        pipeline.settle()
    if emission == "after":
        for left in reversed(range(mode.steps)):
            pipeline.fire(left)
    assert pipeline.stage == neuron_stages(mode, neuron)
    if pipeline.spikes:
        m.output("train", cat(*pipeline.spikes))
    m.output("membrane", pipeline.states[0])
    if mode.kept:
        ends = zip(pipeline.states, kept, strict=True)
        m.output("kept_next", cat(*reversed([resize(state, bits) for state, bits in ends])))
    return m


def mode_key(mode: Mode) -> Mode:
    """A mode without what makes no difference: the coding of currents that are not summed up."""
    return replace(mode, coding="direct" if mode.replays else "")


def mode_groups(
    modes: Sequence[Mode],
) -> tuple[list[tuple[Mode, list[int]]], list[tuple[int, int]]]:
    """Modes that share a pipeline: they differ in their fraction, or in what makes no difference.

    The coding of the currents matters only where they are summed up for a replay.

    Returns:
        (groups, where): each group a mode and its fractions; for each mode its group's index and
        the index of its fraction.
    """
    groups: dict[Mode, list[int]] = {}
    where = []
    for mode in modes:
        key = replace(mode_key(mode), fraction=0)
        fractions = groups.setdefault(key, [])
        if mode.fraction not in fractions:
            fractions.append(mode.fraction)
        where.append((list(groups).index(key), fractions.index(mode.fraction)))
    return list(groups.items()), where


def neuron_module(
    modes: Sequence[Mode],
    neurons: Mapping[str, NeuronOp],
    params: Sequence[str],
    array: ArrayParameters,
    kept: Mapping[str, Sequence[int]] | None = None,
) -> Module:
    """All pipelines of a program side by side, made equally long; `mode` chooses the result.

    Ports: `accumulators` (planes * acc_bits; plane p holds the sum of the trains' bit p), the
    parameters, `group` and `fraction`; `train` (planes), `membrane`, after `fire_stages` clocks.
    Where some keep their states, `fresh` and `kept` come in as well, and `kept_next` goes out.

    Args:
        kept: for each neuron that keeps its states the bits of each.
    """
    m = Module("fire", doc="the neuron pipelines of all layers, and the choice between them")
    m.clock()
    width = array.membrane_bits
    groups, _ = mode_groups(modes)
    accumulators = m.input("accumulators", array.planes * array.acc_bits)
    values = {param: m.input(legal_name(param), width) for param in params}
    group = m.input("group", _index_bits(len(groups))) if len(groups) > 1 else None
    most = max(len(fractions) for _, fractions in groups)
    fraction = m.input("fraction", _index_bits(most)) if most > 1 else None
    lanes = [accumulators.bits(p * array.acc_bits, array.acc_bits) for p in range(array.planes)]
    stages = fire_stages(tuple(modes), neurons) - 1
    kept = kept or {}
    size = max(map(sum, kept.values()), default=0)
    fresh, word = (m.input("fresh", 1), m.input("kept", size)) if kept else (None, None)
    trains, membranes, states = [], [], []
    for index, (mode, fractions) in enumerate(groups):
        neuron = neurons[mode.neuron]
        bits = kept[mode.neuron] if mode.kept else ()
        pipeline = pipeline_module(
            f"fire_{index}_{mode.neuron}", neuron, mode, array, fractions, bits
        )
        inputs = {f"current{p}": lanes[mode.planes - 1 - p] for p in range(mode.planes)}
        inputs |= {legal_name(param): values[param] for param in neuron.param_names}
        if len(fractions) > 1:
            assert fraction is not None
            inputs["fraction"] = fraction.trunc(_index_bits(len(fractions)))
        if mode.kept:
            inputs |= {"fresh": fresh, "kept": word.trunc(sum(bits))}
        results = m.instance(f"neuron_{index}", pipeline, **inputs)
        late = stages - neuron_stages(mode, neuron)
        train = results["train"].zext(array.planes) if "train" in results else None
        membrane, state = results["membrane"], results.get("kept_next", m.const(0, max(size, 1)))
        for step in range(late):
            if train is not None:
                train = m.pipe(f"train_{index}_d{step}", train)
            membrane = m.pipe(f"membrane_{index}_d{step}", membrane)
            state = m.pipe(f"kept_{index}_d{step}", state) if mode.kept else state
        states.append(fit(state, size) if kept else state)
        trains.append(m.const(0, array.planes) if train is None else train)
        membranes.append(membrane)
    m.output("train", m.pipe("train", trains[0] if group is None else select(group, trains)))
    m.output(
        "membrane",
        m.pipe("membrane", membranes[0] if group is None else select(group, membranes)),
    )
    if kept:
        now = states[0] if group is None else select(group, states)
        m.output("kept_next", m.pipe("kept_now", now))
    return m


def _index_bits(count: int) -> int:
    return max(1, (count - 1).bit_length())
