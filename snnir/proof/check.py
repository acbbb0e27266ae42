"""One life of a neuron against one circuit: on random inputs, then output by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from snnir.hardware.language.names import legal_name
from snnir.proof.circuit import Net, evaluate_nets
from snnir.proof.life import Life, Range, Term, evaluate_terms
from snnir.proof.ranges import Channels
from snnir.proof.smt import PROVED, REFUTED, UNKNOWN
from snnir.proof.sweep import Question, Sweep
from snnir.proof.unit import CounterExample, Unit, differing, run_lives
from snnir.proof.windows import States

SAMPLES = 160
"""Random inputs by which values are told apart, before anything is proved."""


class Check:
    """One life against one circuit.

    Args:
        groups: channels; `before`: for each group what states may be when a window begins, of one
            window or several, none if that is not known.

    Attributes:
        answer, open, example: what came out.
    """

    def __init__(
        self,
        life: Life,
        unit: Unit,
        groups: Sequence[Channels],
        before: Sequence[Sequence[States]],
        seed: int,
    ):
        self.life, self.unit, self.groups, self.before = life, unit, groups, before
        self.answer, self.open = UNKNOWN, []
        self.example: CounterExample | None = None
        self.rng = np.random.default_rng(seed)
        self.circuit = unit.circuit()
        self.inputs = {term: self._input(term) for term in life.inputs}
        self.outputs = self._outputs()

    def _input(self, term: Term) -> Net:
        """The net that an input is by contract: as it was `clocks` before the result."""
        life, unit, name, width = self.life, self.unit, legal_name(term.name), None
        if term in life.planes:
            # The trains' bit p is plane p; bits fall as time goes on.
            name = f"accumulators[{len(life.planes) - 1 - life.planes.index(term)}]"
            width = unit.acc_bits
        elif term in life.before:
            place = life.before.index(term)
            name, width = f"kept[{place}]", unit.kept[place]
        elif term.is_bit:
            width = 1
        return self.circuit.input(name, width or unit.membrane_bits, unit.clocks)

    def input_ranges(self, layers: Sequence[Channels]) -> dict[str, Range]:
        """What each input may be in any of the layers; of kept states, whatever lies there."""
        ranges = [layer.input_ranges() for layer in layers]
        found = {
            name: (min(each[name][0] for each in ranges), max(each[name][1] for each in ranges))
            for name in ranges[0]
        }
        for term, bits in zip(self.life.before, self.unit.kept, strict=True):
            found[term.name] = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        return found | {self.life.fresh.name: (0, 1)}

    # Random inputs

    def _drawn(self) -> dict[Term, np.ndarray]:
        """Random currents of random channels; some near the threshold, some at the ends.

        Half of the samples have small currents alone, so that no plane or step decides for all
        others. Half of the channels are none of the layers', but between those of a group.
        """
        found: dict[Term, list[int]] = {term: [] for term in self.life.inputs}
        for _ in range(SAMPLES):
            number = int(self.rng.integers(len(self.groups)))
            group = self.groups[number]
            params = self._channel(group)
            low, high = group.input_ranges()[self.life.planes[-1].name]
            near = max(1, abs(params.get("theta", high)) * 2 >> self.life.mode.fraction)
            for name, term in self.life.params.items():
                found[term].append(params[name])
            small = near >> self._weight_bits + int(self.rng.integers(4))
            calm = self.rng.integers(2)
            for plane, term in enumerate(self.life.planes):
                value = self._between(*(-small, small) if calm else (low, high), near)
                value = min(max(value, low), high)
                found[term].append(0 if plane < group.silent else value)
            if self.life.before:
                self._draw_states(found, self.before[number] if self.before else (), near)
        return {term: np.array(values, np.int64) for term, values in found.items()}

    @property
    def _weight_bits(self) -> int:
        """By how many bits more all planes weigh than the last one."""
        return self.life.mode.planes if self.life.mode.replays else 0

    def _between(self, low: int, high: int, near: int) -> int:
        """Mostly between -near and near."""
        kind = self.rng.integers(8)
        if kind < 5:
            return min(max(int(self.rng.integers(-near, near + 1)), low), high)
        if kind == 5:
            return low if self.rng.integers(2) else high
        return int(self.rng.integers(low, high + 1))

    def _draw_states(
        self, found: dict[Term, list[int]], windows: Sequence[States], near: int
    ) -> None:
        """A state from which some window begins, or anything where one begins as declared."""
        life = self.life
        fresh = not windows or not self.rng.integers(3)
        found[life.fresh].append(int(fresh))
        words = [(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in self.unit.kept]
        box = words if fresh else windows[int(self.rng.integers(len(windows)))]
        for term, (low, high) in zip(life.before, box, strict=True):
            found[term].append(self._between(low, high, near))

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
        for _, term, net, _ in self.outputs:
            for sample in range(SAMPLES):
                value = int(terms[term][sample]) if term.value is None else term.value
                if value & ((1 << net.width) - 1) != nets[net][sample]:
                    chosen = {n: values[sample] for n, values in given.items()}
                    if self._refuted_by(chosen):
                        return True
        return False

    def _check_life(self, drawn: Mapping[Term, np.ndarray], terms: Mapping[Term, np.ndarray]):
        """The graph must be what the interpreter does: they share ops, not their order."""
        spikes, states = run_lives(self.life, drawn)
        for term, wanted in zip(
            [*self.life.spikes, *self.life.states], [*spikes, *states], strict=True
        ):
            found = terms[term] if term.value is None else term.value
            assert np.array_equal(np.broadcast_to(found, SAMPLES), wanted)

    # Questions

    def _outputs(self) -> list[tuple[str, Term, Net, int]]:
        """Each output, the term that it should be, its net, and the bits that are compared.

        The earliest spike comes first. What is kept of a state is the state itself when it is read
        with its sign, in all bits of a word.
        """
        found = []
        train, steps = self.circuit.outputs.get("train"), len(self.life.spikes)
        if train is not None:
            for step, term in enumerate(self.life.spikes):
                net = self.circuit.extract(train, steps - 1 - step, 1)
                found.append((f"spike {step}", term, net, 1))
            zero = self.life.constant(0, is_bit=True)
            for bit in range(steps, train.width):
                net = self.circuit.extract(train, bit, 1)
                found.append((f"bit {bit} of the train", zero, net, 1))
        membrane, at = self.circuit.outputs["membrane"], 0
        found.append(("the membrane", self.life.membrane, membrane, membrane.width))
        names = self.life.neuron.state_names
        for name, term, bits in zip(names, self.life.states, self.unit.kept, strict=False):
            net = self.circuit.extract(self.circuit.outputs["kept_next"], at, bits)
            found.append((f"what is kept of {name}", term, net, self.unit.membrane_bits))
            at += bits
        return found

    def sweep(self, seconds: float, deadline: float) -> Sweep:
        sweep = Sweep(
            self.life.terms, self.circuit, self.inputs, self.unit.membrane_bits, seconds, deadline
        )
        sweep.match(self.term_values, self.net_values)
        return sweep

    def ask(self, sweep: Sweep) -> None:
        """Each output; the first one that is refuted ends it."""
        self.answer = PROVED
        for what, term, net, width in self.outputs:
            left = sweep.output(what, term, net, width)
            if left is None:
                continue
            if left.answer == REFUTED and self._refuted_by(self._inputs_of(left)):
                return
            self.answer = UNKNOWN
            self.open.append(what)

    def _inputs_of(self, question: Question) -> dict[Net, int]:
        found = {}
        for net, word in question.inputs.items():
            found[net] = question.model.eval(word, model_completion=True).as_long()
        # What does not matter is something in range.
        for term, net in self.inputs.items():
            found.setdefault(net, min(max(0, term.low), term.high) & ((1 << net.width) - 1))
        return found

    def _refuted_by(self, chosen: Mapping[Net, int]) -> bool:
        """Run both interpreters on these inputs; whether they differ, which then is the answer."""
        self.example = differing(self.life, self.unit, self.inputs, chosen)
        if self.example is not None:
            self.answer = REFUTED
        return self.example is not None
