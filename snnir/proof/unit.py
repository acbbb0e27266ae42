"""The neuron unit of a machine, and one of its inputs run by both interpreters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.hardware.language.folding import signed
from snnir.interpreters.comb import Simulator
from snnir.interpreters.neuron import run_region, run_window
from snnir.proof.circuit import Circuit, Net
from snnir.proof.life import Life, Term

BEYOND = 2
"""Clocks that are looked back beyond the pipeline's own."""

STEADY = ("fresh",)
"""Inputs that are one value while a layer runs, whichever it is."""


@dataclass(frozen=True)
class Unit:
    """The neuron unit of a machine, as `neuron_module` makes it, and one way of using it.

    Args:
        design: its modules, legalised, the unit first.
        held: inputs that stay what they are while a layer runs, such as the number of the group.
        clocks: from its inputs to its outputs.
        planes, acc_bits: of the input `accumulators`.
        kept: where the neuron keeps its states, the bits of each in `kept` and `kept_next`, the
            first one lowest; `kept_bits` of all that these ports have.
    """

    design: ModuleOp
    held: Mapping[str, int]
    clocks: int
    planes: int
    acc_bits: int
    membrane_bits: int
    kept: tuple[int, ...] = ()
    kept_bits: int = 0

    @property
    def parts(self) -> dict[str, list[int]]:
        """The widths of what some inputs are made of, the lowest first."""
        found = {"accumulators": [self.acc_bits] * self.planes}
        if self.kept:
            rest = self.kept_bits - sum(self.kept)
            found["kept"] = [*self.kept, *([rest] if rest else [])]
        return found

    def circuit(self) -> Circuit:
        depth = self.clocks + BEYOND
        return Circuit(self.design, fixed=self.held, steady=STEADY, split=self.parts, depth=depth)

    def kept_states(self, word: int) -> tuple[int, ...]:
        """The states in a word of `kept_next`."""
        found = []
        for bits in self.kept:
            found.append(signed(word & ((1 << bits) - 1), bits))
            word >>= bits
        return tuple(found)


class Answer(NamedTuple):
    """What becomes of a case: the spikes as text, the membrane at the end, the states if kept."""

    spikes: str
    membrane: int
    states: tuple[int, ...] = ()


@dataclass(frozen=True)
class CounterExample:
    """Inputs for which the two differ; both answers are those of the interpreters.

    Args:
        currents: one for each plane, the first in time first.
        before: inputs of other clocks that the datapath took, by (port, clocks too late).
        states: of the window before, by name; None where the neuron begins as declared.
    """

    params: dict[str, int]
    currents: list[int]
    before: dict[tuple[str, int], int]
    region: Answer
    datapath: Answer
    states: dict[str, int] | None = field(default=None)


def run_lives(
    life: Life, values: Mapping[Term, np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The interpreter of neurons on cases, each a channel: spikes of the steps, states behind."""
    mode, neuron = life.mode, life.neuron
    planes = [values[term].reshape(1, -1) for term in life.planes]
    params = {name: values[term] for name, term in life.params.items()}
    states = None
    if life.before:
        begun = run_region(neuron, "start", list(params.values()))
        fresh = values[life.fresh].astype(bool)
        pairs = zip(begun, life.before, strict=True)
        states = [np.where(fresh, new, values[old]).reshape(1, -1) for new, old in pairs]
    spikes, states = run_window(
        neuron, planes, params, states,
        coding=mode.coding, steps_in=mode.planes, steps_out=mode.steps,
        fraction=mode.fraction, rate=mode.rate,
    )  # fmt: skip
    return [np.ravel(s).astype(np.int64) for s in spikes or ()], [np.ravel(s) for s in states]


def differing(
    life: Life, unit: Unit, inputs: Mapping[Term, Net], chosen: Mapping[Net, int]
) -> CounterExample | None:
    """Run one case by both interpreters; None if they agree.

    Args:
        inputs: the net of each input of the life; `chosen`: what inputs of the circuit are.
    """
    datapath = _simulated(life, unit, chosen)
    values = {
        term: chosen[net] if term.is_bit else signed(chosen[net], net.width)
        for term, net in inputs.items()
    }
    spikes, states = run_lives(life, {term: np.array([value]) for term, value in values.items()})
    ends = tuple(int(state[0]) for state in states)
    region = Answer(
        "".join(str(int(spike[0])) for spike in spikes), ends[0], ends if life.before else ()
    )
    if region == datapath:
        return None
    own = set(inputs.values())
    kept = life.before and not values[life.fresh]
    return CounterExample(
        {name: values[term] for name, term in life.params.items()},
        [values[term] for term in life.planes],
        {
            (net.data[0], unit.clocks - net.data[1]): value
            for net, value in chosen.items()
            if net not in own and not net.data[0].startswith("register")
        },
        region,
        datapath,
        {
            name: values[term]
            for name, term in zip(life.neuron.state_names, life.before, strict=True)
        }
        if kept
        else None,
    )


def _simulated(life: Life, unit: Unit, chosen: Mapping[Net, int]) -> Answer:
    """What the unit makes of inputs by their clocks."""
    at = {net.data: value for net, value in chosen.items()}
    simulator = Simulator(next(iter(unit.design.body.block.ops)))
    outputs: dict[str, int] = {}
    for age in range(unit.clocks + BEYOND, -1, -1):
        given = {name: v for (name, ago), v in at.items() if ago == age or name in STEADY}
        outputs = simulator.step({**_ports(unit, given), **unit.held})
    steps = len(life.spikes)
    return Answer(
        f"{outputs['train']:0{steps}b}" if steps else "",
        signed(outputs["membrane"], unit.membrane_bits),
        unit.kept_states(outputs["kept_next"]) if unit.kept else (),
    )


def _ports(unit: Unit, given: Mapping[str, int]) -> dict[str, int]:
    """Parts of inputs put together again."""
    ports: dict[str, int] = {}
    for name, value in given.items():
        port, bracket, index = name.partition("[")
        if port.startswith("register"):
            continue
        shift = sum(unit.parts[port][: int(index[:-1])]) if bracket else 0
        ports[port] = ports.get(port, 0) | value << shift
    return ports
