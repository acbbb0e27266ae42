"""Where maps live: which are needed at the same time, and addresses that keep them apart."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_types import MapType


@dataclass(frozen=True)
class Lifetime:
    """A map is written in step `born` and read for the last time in step `dies`.

    Step 0 receives the image, step i > 0 is layer i - 1.
    """

    value: SSAValue
    born: int
    dies: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both are needed in some step: a layer reads one while it writes the other."""
        return self.born <= other.dies and other.born <= self.dies


def lifetimes(program: ProgramOp) -> list[Lifetime]:
    """The lifetime of each map, in the order in which they are written."""
    born: dict[SSAValue, int] = {word: 0 for word in program.receive.words}
    dies = dict(born)
    for step, layer in enumerate(program.layers, 1):
        for tile in layer.tiles:
            for stream in tile.streams:
                dies[stream.source] = step
        if isinstance(layer.out.type, MapType):
            born[layer.out] = dies[layer.out] = step
    return [Lifetime(value, born[value], dies[value]) for value in born]


def event_words(kind: MapType, banks: int) -> int:
    """Event addresses that a map takes, in every bank."""
    return kind.blocks * kind.dims[1] * kind.capacity(banks)


def pointer_entries(kind: MapType) -> int:
    """Entries of the pointer memory that a map takes."""
    return kind.blocks * kind.dims[1] * kind.dims[2]


def first_fit(lives: list[Lifetime], sizes: list[int], reuse: bool) -> list[int]:
    """An address for each map: the lowest that no map of an overlapping lifetime takes."""
    placed: list[tuple[Lifetime, int, int]] = []
    for life, size in zip(lives, sizes, strict=True):
        busy = sorted((a, a + s) for other, a, s in placed if not reuse or life.meets(other))
        address = 0
        for start, end in busy:
            if address + size <= start:
                break
            address = max(address, end)
        placed.append((life, address, size))
    return [address for _, address, _ in placed]
