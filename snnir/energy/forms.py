"""Two published comparisons in their form, each with both sides from one table of constants.

ACE-SNN (G. Datta et al., Frontiers in Neuroscience 16, 2022): a spiking network against CNNs of the
same architecture in float and in 6 bits; its first layer multiplies pixels once, in digital logic
or in memory (PIM). SpinAPS (A. Babu, O. Simeone, B. Rajendran, arXiv 2008.02189): weights as planes
of binary STT-RAM cells against SRAM, by synaptic operation and by inference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnir.energy.model import FLOAT_BITS, UPDATE_ADDS

if TYPE_CHECKING:
    from snnir.energy.operations import Branch, Operations
    from snnir.targets.technology import Technology

CNN_BITS = 6
"""Of the quantised CNN that ACE-SNN compares with."""


@dataclass(frozen=True)
class Cost:
    """Operations, and the reads of their weights, in pJ."""

    operations: float
    reads: float

    @property
    def total(self) -> float:
        return self.operations + self.reads


@dataclass(frozen=True)
class AceRow:
    """A network of the first comparison, for an image: its first layer, and the others."""

    name: str
    first: Cost
    rest: Cost

    @property
    def operations(self) -> float:
        return self.first.operations + self.rest.operations

    @property
    def total(self) -> float:
        return self.first.total + self.rest.total


def ace_snn(layers: Sequence[Operations], technology: Technology) -> list[AceRow]:
    """Float CNN, 6-bit CNN, SNN and, if the technology has it, SNN with its first layer in memory.

    Neurons are not counted, nor are activations that are read and written, on either side.
    """
    parts = [(branch, layer.acc_bits) for layer in layers for branch in layer.branches]

    def row(name: str, cost) -> AceRow:
        split = []
        for first in (True, False):
            costs = [cost(branch, acc) for branch, acc in parts if branch.direct is first]
            split.append(Cost(sum(c.operations for c in costs), sum(c.reads for c in costs)))
        return AceRow(name, *split)

    def dense(branch: Branch, bits: int, mac: float, add: float) -> Cost:
        operations = branch.macs * mac + branch.adds * add
        return Cost(operations, branch.macs * bits * technology.on_chip)

    def full(branch: Branch, _: int) -> Cost:
        return dense(branch, FLOAT_BITS, technology.float_mac, technology.float_add)

    def six(branch: Branch, _: int) -> Cost:
        add = technology.add(2 * CNN_BITS + (branch.depth - 1).bit_length())
        return dense(branch, CNN_BITS, technology.multiply(CNN_BITS, CNN_BITS) + add, add)

    def spiking(branch: Branch, acc: int) -> Cost:
        bits, add = branch.weight_bits, technology.add(acc)
        if branch.direct:
            return dense(branch, bits, technology.multiply(bits, branch.input_bits) + add, add)
        return Cost(branch.acs * add, branch.touched * bits * technology.on_chip)

    rows = [
        row("CNN, 32-bit float", full),
        row(f"CNN, {CNN_BITS} bit", six),
        row("SNN, digital", spiking),
    ]
    if technology.has_pim:
        digital, gain = rows[-1], technology.scalar("pim_gain")
        first = Cost(digital.first.operations / gain, digital.first.reads / gain)
        rows.append(AceRow("SNN, first layer in memory", first, digital.rest))
    return rows


@dataclass(frozen=True)
class SpinRow:
    """A synapse memory of the second comparison.

    Args:
        read: of a bit [pJ].
        operation: of a synaptic operation: its planes read, and an addition [pJ].
        inference: of an image, with what neurons take [pJ].
        area: of the cells of all weights [mm2].
    """

    name: str
    read: float
    operation: float
    inference: float
    area: float

    @property
    def gsops_per_watt(self) -> float:
        """Synaptic operations a second in 10^9 for each watt."""
        return 1e3 / self.operation

    @property
    def gsops_per_watt_mm2(self) -> float:
        return self.gsops_per_watt / self.area


def spinaps(layers: Sequence[Operations], technology: Technology) -> list[SpinRow]:
    """SRAM and STT-RAM; none if the technology lacks their constants, or nothing spikes.

    Each spike reads its weight's planes anew, as steps follow one another.
    """
    parts = [(branch, layer.acc_bits) for layer in layers for branch in layer.branches]
    acs = math.fsum(branch.acs for branch, _ in parts)
    if not technology.has_stt or not acs:
        return []
    adds = math.fsum(branch.acs * technology.add(acc) for branch, acc in parts)
    planes = math.fsum(branch.acs * branch.weight_bits for branch, _ in parts)
    neurons = math.fsum(x.updates * UPDATE_ADDS * technology.add(x.membrane_bits) for x in layers)
    cells = sum(branch.weights * branch.weight_bits for branch, _ in parts)
    feature = technology.scalar("feature") * 1e-6
    rows = []
    for name, read, cell in (
        ("SRAM", technology.on_chip, "sram_cell"),
        ("STT-RAM, binary cells", technology.stt_read, "stt_cell"),
    ):
        synapses = adds + planes * read
        area = cells * technology.scalar(cell) * feature**2
        rows.append(SpinRow(name, read, synapses / acs, synapses + neurons, area))
    return rows
