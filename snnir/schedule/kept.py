"""The state memory: what neurons keep from window to window, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from snnir.schedule.program import Layer, ProgramTables


@dataclass(frozen=True)
class KeptStates:
    """The state memory of a program; each lane of the drain has one.

    A row is what one neuron keeps, its states side by side, the first one lowest. Rows lie in the
    order in which the neurons leave the array: layer by layer, in it tile, pixel, group of
    channels.
    """

    tables: ProgramTables

    @cached_property
    def bits(self) -> Mapping[str, tuple[int, ...]]:
        """For each neuron by name the bits of its states, enough for all layers."""
        found: dict[str, tuple[int, ...]] = {}
        for layer in self._layers:
            name = self.tables.modes[layer.mode].neuron
            known = found.get(name, layer.kept)
            found[name] = tuple(map(max, zip(known, layer.kept, strict=True)))
        return found

    @property
    def width(self) -> int:
        """Bits of a row."""
        return max(map(sum, self.bits.values()), default=0)

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The first row of each row of the layer table; 0 where nothing is kept."""
        found, end = [], 0
        for layer in self.tables.layers:
            found.append(end if layer.kept else 0)
            end += self._rows(layer)
        return tuple(found)

    @property
    def depth(self) -> int:
        return sum(map(self._rows, self.tables.layers))

    @property
    def accesses(self) -> dict[str, tuple[int, int]]:
        """For each layer by name (neurons, bits): what each reads, and writes, in a window."""
        found: dict[str, tuple[int, int]] = {}
        for layer in self._layers:
            label = layer.of or layer.label
            neurons, _ = found.get(label, (0, 0))
            neurons += layer.channels * int(layer.visited().sum())
            found[label] = neurons, sum(layer.kept)
        return found

    @property
    def _layers(self) -> list[Layer]:
        return [layer for layer in self.tables.layers if layer.kept]

    def _rows(self, layer: Layer) -> int:
        if not layer.kept:
            return 0
        tiles = self.tables.tiles[layer.tile_first :][: layer.tile_count]
        groups = sum(self.tables.array.drain_clocks(tile.channels) for tile in tiles)
        return groups * int(layer.visited().sum())
