"""The proof of one datapath: what the pipeline of a mode makes is what the neuron's regions say."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.dialects.snn import NeuronOp
from snnir.hardware.language.names import legal_name
from snnir.interpreters.comb import Simulator
from snnir.interpreters.neuron import run_neuron
from snnir.proof.circuit import Circuit, Net, evaluate_nets
from snnir.proof.life import Life, Range, Term, evaluate_terms, set_ranges
from snnir.proof.ranges import Channels, prove_ranges
from snnir.proof.smt import PROVED, REFUTED, UNKNOWN
from snnir.proof.sweep import Question, Sweep
from snnir.schedule.program import Mode

SAMPLES = 160
"""Random inputs by which values are told apart, before anything is proved."""

BEYOND = 2
"""Clocks that are looked back beyond the pipeline's own."""


@dataclass(frozen=True)
class Unit:
    """The neuron unit of a machine, as `neuron_module` makes it, and one way of using it.

    Args:
        design: its modules, legalised, the unit first.
        held: inputs that stay what they are while a layer runs, such as the number of the group.
        clocks: from its inputs to its outputs.
        planes, acc_bits: of the input `accumulators`.
    """

    design: ModuleOp
    held: Mapping[str, int]
    clocks: int
    planes: int
    acc_bits: int
    membrane_bits: int


@dataclass(frozen=True)
class CounterExample:
    """Inputs for which the two differ; both answers are those of the interpreters.

    Args:
        currents: one for each plane, the first in time first.
        before: inputs of other clocks that the datapath took, by (port, clocks too late).
        region, datapath: spikes of the steps as text, and the membrane behind the last one.
    """

    params: dict[str, int]
    currents: list[int]
    before: dict[tuple[str, int], int]
    region: tuple[str, int]
    datapath: tuple[str, int]


@dataclass
class DatapathProof:
    """What was shown of one neuron under one mode.

    Args:
        answer: `proved`, `refuted` or `unknown`.
        ranges: whether the ranges were proved too; else they are assumed.
        terms: ops of the neuron in one life; `cuts`: those of them that were proved equal to a
            value of the circuit, one after the other.
        questions: different ones that were put to the solver, for the ranges and the circuit.
    """

    neuron: str
    mode: Mode
    layers: list[str]
    answer: str = UNKNOWN
    ranges: bool = False
    width: int = 0
    clocks: int = 0
    terms: int = 0
    cuts: int = 0
    groups: int = 0
    questions: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    open: list[str] = field(default_factory=list)
    example: CounterExample | None = None


def prove_datapath(
    neuron: NeuronOp,
    mode: Mode,
    layers: Sequence[Channels],
    unit: Unit,
    *,
    question: float = 20.0,
    limit: float = 120.0,
    seed: int = 1,
) -> DatapathProof:
    """Prove that the unit does what the neuron says, for all inputs of the layers.

    Args:
        question, limit: seconds for each question to the solver, and for all of them.
    """
    start = time.monotonic()
    names = [layer.layer for layer in layers]
    proof = DatapathProof(neuron.sym_name.data, mode, names, clocks=unit.clocks)
    proof.width = unit.membrane_bits
    found = prove_ranges(neuron, layers, unit.membrane_bits, question, start + limit / 2)
    proof.ranges, proof.groups = not found.open, len(found.groups)
    proof.open = [f"range of {what}" for what in found.open]
    life = Life(neuron, mode)
    proof.terms = len(life.terms)
    check = _Check(life, found.groups if found.fits else layers, unit, proof, seed)
    if not check.differs_at_random() and found.fits:
        set_ranges(life, found.values, _joined([layer.input_ranges() for layer in layers]))
        sweep = check.sweep(question, start + limit)
        check.ask(sweep)
        proof.cuts, proof.questions = sweep.cuts, (found.questions, sweep.questions)
    if proof.answer == PROVED and proof.open:
        proof.answer = UNKNOWN
    proof.seconds = time.monotonic() - start
    return proof


def _joined(inputs: Sequence[Mapping[str, Range]]) -> dict[str, Range]:
    """What an input may be in any of the layers."""
    return {
        name: (min(each[name][0] for each in inputs), max(each[name][1] for each in inputs))
        for name in inputs[0]
    }


class _Check:
    """One life against one circuit."""

    def __init__(
        self, life: Life, groups: Sequence[Channels], unit: Unit, proof: DatapathProof, seed: int
    ):
        self.life, self.groups, self.unit, self.proof = life, groups, unit, proof
        self.rng = np.random.default_rng(seed)
        self.circuit = Circuit(
            unit.design,
            fixed=unit.held,
            split={"accumulators": [unit.acc_bits] * unit.planes},
            depth=unit.clocks + BEYOND,
        )
        self.inputs = {term: self._input(term) for term in life.inputs}
        self.outputs = self._outputs()

    def _input(self, term: Term) -> Net:
        """The net that an input is by contract: as it was `clocks` before the result."""
        if term in self.life.planes:
            # The trains' bit p is plane p; bits fall as time goes on.
            plane = len(self.life.planes) - 1 - self.life.planes.index(term)
            return self.circuit.input(
                f"accumulators[{plane}]", self.unit.acc_bits, self.unit.clocks
            )
        return self.circuit.input(legal_name(term.name), self.unit.membrane_bits, self.unit.clocks)

    # Random inputs

    def _drawn(self) -> dict[Term, np.ndarray]:
        """Random currents of random channels; some near the threshold, some at the ends.

        Half of the channels are none of the layers', but between those of a group.
        """
        found: dict[Term, list[int]] = {term: [] for term in self.life.inputs}
        for _ in range(SAMPLES):
            group = self.groups[self.rng.integers(len(self.groups))]
            params = self._channel(group)
            low, high = group.input_ranges()[self.life.planes[-1].name]
            near = max(1, abs(params.get("theta", high)) * 2 >> self.life.mode.fraction)
            for name, term in self.life.params.items():
                found[term].append(params[name])
            for plane, term in enumerate(self.life.planes):
                kind = self.rng.integers(8)
                value = int(self.rng.integers(low, high + 1))
                if kind < 5:
                    value = min(max(int(self.rng.integers(-near, near + 1)), low), high)
                elif kind == 5:
                    value = low if self.rng.integers(2) else high
                found[term].append(0 if plane < group.silent else value)
        return {term: np.array(values, np.int64) for term, values in found.items()}

    def _channel(self, group: Channels) -> dict[str, int]:
        """The parameters of a channel."""
        if self.rng.integers(2):
            channel = int(self.rng.integers(len(group)))
            return {name: int(values[channel]) for name, values in group.params.items()}
        ends = group.input_ranges()
        return {
            name: int(self.rng.integers(ends[name][0], ends[name][1] + 1)) for name in group.params
        }

    def differs_at_random(self) -> bool:
        """Evaluate both sides; whether they differ already."""
        drawn = self._drawn()
        terms = evaluate_terms(self.life.terms, drawn)
        given = {}
        for net in self.circuit.nets:
            if net.kind == "input":
                values = self.rng.integers(0, 1 << min(net.width, 62), SAMPLES)
                given[net] = [int(v) for v in values]
        for term, net in self.inputs.items():
            given[net] = [int(v) & ((1 << net.width) - 1) for v in drawn[term]]
        nets = evaluate_nets(self.circuit.nets, given, SAMPLES)
        self.net_values = nets
        mask = (1 << self.unit.membrane_bits) - 1
        self.term_values = {
            term: tuple((values.astype(np.int64) & (1 if term.is_bit else mask)).tolist())
            for term, values in terms.items()
        }
        self._check_life(drawn, terms)
        for _, term, net in self.outputs:
            for sample in range(SAMPLES):
                value = int(terms[term][sample]) if term.value is None else term.value
                if value & ((1 << net.width) - 1) != nets[net][sample]:
                    chosen = {n: values[sample] for n, values in given.items()}
                    if self._refuted_by(chosen):
                        return True
        return False

    def _check_life(self, drawn: Mapping[Term, np.ndarray], terms: Mapping[Term, np.ndarray]):
        """The graph must be what the interpreter does: they share ops, not their order."""
        spikes, membrane = self._run(
            [drawn[term] for term in self.life.planes],
            {name: drawn[term] for name, term in self.life.params.items()},
        )
        made = [terms.get(term, np.full(SAMPLES, term.value)) for term in self.life.spikes]
        assert all(np.array_equal(a, b) for a, b in zip(made, spikes or [], strict=True))
        found = terms.get(self.life.membrane, self.life.membrane.value)
        assert np.array_equal(np.broadcast_to(found, SAMPLES), membrane)

    def _run(self, planes: list[np.ndarray], params: dict[str, np.ndarray]):
        """The interpreter, where each sample is a channel."""
        mode = self.life.mode
        spikes, membrane = run_neuron(
            self.life.neuron, [plane.reshape(1, -1) for plane in planes], params,
            coding=mode.coding, steps_in=mode.planes, steps_out=mode.steps,
            fraction=mode.fraction, rate=mode.rate,
        )  # fmt: skip
        return spikes and [np.ravel(s).astype(np.int64) for s in spikes], np.ravel(membrane)

    # Questions

    def _outputs(self) -> list[tuple[str, Term, Net]]:
        """Each output, the term that it should be, and its net: the earliest spike first."""
        found = []
        train, steps = self.circuit.outputs.get("train"), len(self.life.spikes)
        if train is not None:
            for step, term in enumerate(self.life.spikes):
                found.append(
                    (f"spike {step}", term, self.circuit.extract(train, steps - 1 - step, 1))
                )
            zero = self.life.constant(0, is_bit=True)
            for bit in range(steps, train.width):
                found.append((f"bit {bit} of the train", zero, self.circuit.extract(train, bit, 1)))
        membrane = self.circuit.outputs["membrane"]
        return [*found, ("the membrane", self.life.membrane, membrane)]

    def sweep(self, seconds: float, deadline: float) -> Sweep:
        sweep = Sweep(
            self.life.terms, self.circuit, self.inputs, self.unit.membrane_bits, seconds, deadline
        )
        sweep.match(self.term_values, self.net_values)
        return sweep

    def ask(self, sweep: Sweep) -> None:
        """Each output; the first one that is refuted ends it."""
        self.proof.answer = PROVED
        for what, term, net in self.outputs:
            left = sweep.output(what, term, net, net.width)
            if left is None:
                continue
            if left.answer == REFUTED and self._refuted_by(self._inputs_of(left)):
                return
            self.proof.answer = UNKNOWN
            self.proof.open.append(what)

    def _inputs_of(self, question: Question) -> dict[Net, int]:
        found = {}
        for net, word in question.inputs.items():
            found[net] = question.model.eval(word, model_completion=True).as_long()
        # What does not matter is something in range.
        for term, net in self.inputs.items():
            found.setdefault(net, min(max(0, term.low), term.high) & ((1 << net.width) - 1))
        return found

    # Certainty

    def _refuted_by(self, chosen: Mapping[Net, int]) -> bool:
        """Run both interpreters on these inputs; whether they differ, which then is the answer."""
        at = {net.data: value for net, value in chosen.items()}
        simulator = Simulator(next(iter(self.unit.design.body.block.ops)))
        outputs: dict[str, int] = {}
        for age in range(self.unit.clocks + BEYOND, -1, -1):
            given = {name: value for (name, ago), value in at.items() if ago == age}
            outputs = simulator.step({**self._ports(given), **self.unit.held})
        values = {term: _signed(chosen[net], net.width) for term, net in self.inputs.items()}
        planes = [np.array([values[term]]) for term in self.life.planes]
        params = {name: np.array([values[term]]) for name, term in self.life.params.items()}
        spikes, membrane = self._run(planes, params)
        wanted = "".join(str(int(s[0])) for s in spikes or [])
        steps = len(self.life.spikes)
        train = f"{outputs['train']:0{steps}b}" if steps else ""
        got = _signed(outputs["membrane"], self.circuit.outputs["membrane"].width)
        if (train, got) == (wanted, int(membrane[0])):
            return False
        clocks, own = self.unit.clocks, {net for net in self.inputs.values()}
        self.proof.answer = REFUTED
        self.proof.example = CounterExample(
            {name: int(value[0]) for name, value in params.items()},
            [int(plane[0]) for plane in planes],
            {
                (net.data[0], clocks - net.data[1]): value
                for net, value in chosen.items()
                if net not in own and not net.data[0].startswith("register")
            },
            (wanted, int(membrane[0])),
            (train, got),
        )
        return True

    def _ports(self, given: Mapping[str, int]) -> dict[str, int]:
        """Parts of `accumulators` put together again."""
        ports: dict[str, int] = {}
        for name, value in given.items():
            port, bracket, index = name.partition("[")
            if port.startswith("register"):
                continue
            shift = int(index[:-1]) * self.unit.acc_bits if bracket else 0
            ports[port] = ports.get(port, 0) | value << shift
        return ports


def _signed(value: int, width: int) -> int:
    return value - (1 << width) if value >> (width - 1) else value
