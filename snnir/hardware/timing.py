"""The constants of the clock formulas in docs/machine.md, from the depth of each unit's pipeline.

The control unit counts with the same numbers, so that the clock counts of the C program, of the
cycle model and of the simulated hardware are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snnir.dialects.snn import NeuronOp
    from snnir.schedule.program import Mode, ProgramTables

WALK = 4
"""From the start of a layer to its first run: layer table (2), tile table (1), walker (1)."""

RESOLVE = 10
"""From a run in the walker to its entry at the queues: run table (2), products (2), window (2),
pointer address (1), pointer memory (1), counts (1), flags (1)."""

EMIT = 4
"""From an event at the head of a queue to its weights: address (1), event memory (1), row of the
weight memory (1), weight memory (1)."""

DRAIN = 2
"""From the shadow to the neuron: two levels of the channel multiplexer."""

POOL = 2
"""Value of a train (1), comparison with the best of the window (1)."""

WRITE = 4
"""Position (1), count of the bank (1), address (1), memory (1)."""

RECEIVE = 3 + 2 + WRITE
"""Layer table and counter (3), image memory and word (2), writer."""


def tree_stages(banks: int) -> int:
    """Registers from the pair sums to the sum over all banks; see `adder_tree.py`."""
    return max(1, banks.bit_length() - 2)


def accumulate_stages(banks: int) -> int:
    """From weights at the memory's output to the shadow: weights (1), pair sums (1), tree,
    accumulator (1), shadow (1)."""
    return 2 + tree_stages(banks) + 2


def neuron_stages(mode: Mode, neuron: NeuronOp) -> int:
    """Registers of the neuron's pipeline: one behind each unrolled call of a region, or several.

    Plane currents that are summed up for a replay take one more register for each but the first,
    and so does the choice between states as declared and those of the window before.
    """
    from snnir.hardware.stages import registers

    each, emission = registers(neuron), neuron.emission.data
    calls, before = mode.planes, each["start"]
    if mode.replays:
        calls, before = mode.steps, before + mode.planes - 1
    before += mode.kept
    if emission == "causal":
        return before + calls * (each["integrate"] + each["fire"])
    fires = mode.steps * each["fire"] if emission == "after" else 0
    return before + calls * each["integrate"] + each["settle"] + fires


@dataclass(frozen=True)
class Timing:
    """RESOLVE, FLUSH and RECEIVE of docs/machine.md [cycles]."""

    resolve: int
    flush: int
    receive: int


def timing(tables: ProgramTables, neurons: Mapping[str, NeuronOp]) -> Timing:
    """The constants of a program's machine.

    Args:
        neurons: the `snn.neuron` of each name in `tables.modes`.
    """
    return Timing(
        resolve=WALK + RESOLVE,
        flush=EMIT
        + accumulate_stages(tables.array.banks)
        + DRAIN
        + (tables.stages or fire_stages(tables.modes, neurons))
        + POOL
        + WRITE,
        receive=RECEIVE,
    )


def fire_stages(modes: tuple[Mode, ...], neurons: Mapping[str, NeuronOp]) -> int:
    """Registers of the neuron unit: the longest pipeline, and one behind the choice of mode."""
    return 1 + max(neuron_stages(mode, neurons[mode.neuron]) for mode in modes)
