"""The event and pointer memories of N machines side by side, addressed as docs/machine.md says.

Instead of lists the event memory holds whole rows: `capacity` events in each of K banks are as many
slots as the row has positions. A place that overlaps another corrupts it all the same, and pointers
are kept as the machine keeps them.
"""

from __future__ import annotations

import numpy as np

from snnir.schedule.program import STORE, Layer, ProgramTables


class MapMemory:
    """Feature maps of N images.

    Args:
        rows: (N, events * K) the train at each position; position n of the row at event address a
            is slot a * K + n.
        pointers: (N, entries, K) events of a row up to each pixel.
        pitch_at: positions per pixel of the row that starts at an event address.
    """

    def __init__(self, tables: ProgramTables, images: int):
        self.banks = tables.array.banks
        self.rows = np.zeros((images, tables.event_depth * self.banks), np.uint16)
        self.pointers = np.zeros((images, tables.pointer_depth, self.banks), np.int64)
        self.pitch_at = np.zeros(tables.event_depth, np.int64)
        self.ddr: dict[int, tuple[np.ndarray, ...]] = {}

    def write(self, layer: Layer, trains: np.ndarray, block: int) -> None:
        """Stores a map: its rows in the event memory, its counts in the pointer memory."""
        banks, place, pitch = self.banks, layer.place, layer.pitch
        images, channels, height, width = trains.shape
        slots = place.capacity * banks
        for b, first in enumerate(range(0, channels, block)):
            part = trains[:, first : first + block]
            row = np.zeros((images, height, slots), np.uint16)
            spread = row[:, :, : width * pitch].reshape(images, height, width, pitch)
            spread[..., : part.shape[1]] = part.transpose(0, 2, 3, 1)
            row[:, :, : width * pitch] = spread.reshape(images, height, -1)
            starts = place.events + (b * height + np.arange(height)) * place.capacity
            self.pitch_at[starts] = pitch
            at = starts[0] * banks
            self.rows[:, at : at + height * slots] = row.reshape(images, -1)
            by_bank = (row != 0).reshape(images, height, place.capacity, banks)
            upto = np.zeros((images, height, place.capacity + 1, banks), np.int64)
            np.cumsum(by_bank, axis=2, out=upto[:, :, 1:])
            # Bank k holds positions k, k + K, ...: so many of them lie in pixels 0..x.
            ends = (np.arange(1, width + 1) * pitch)[:, None]
            full = -(-(ends - np.arange(banks)) // banks)
            counts = np.take_along_axis(
                upto, np.broadcast_to(full, (images, height, *full.shape)), axis=2
            )
            at = place.pointers + b * height * width
            self.pointers[:, at : at + height * width] = counts.reshape(images, -1, banks)

    def move(self, layer: Layer) -> None:
        """Rows go to DDR or come from there, each with its events and its counts."""
        move, place, width = layer.move, layer.place, layer.width
        slots = place.capacity * self.banks
        for row in range(move.blocks * move.rows):
            block, y = divmod(row, move.rows)
            at = move.first + (block * move.height + y) * move.record.bursts
            parts = self.row_parts(
                slice((place.events + row * place.capacity) * self.banks, None), slots,
                slice(place.pointers + row * width, None), width,
            )  # fmt: skip
            if layer.kind == STORE:
                self.ddr[at] = tuple(part.copy() for part in parts)
                continue
            for part, kept in zip(parts, self.ddr[at], strict=True):
                part[:] = kept
            self.pitch_at[place.events + row * place.capacity] = layer.pitch

    def row_parts(
        self, events: slice, slots: int, pointers: slice, width: int
    ) -> tuple[np.ndarray, ...]:
        """Views of all that is kept of a row."""
        return self.rows[:, events][:, :slots], self.pointers[:, pointers][:, :width]

    def events_of(self, run: dict[str, int], oy, low, high) -> np.ndarray:
        """(N, oy, ox, K): how many events the pointer memory says lie in pixels low..high-1."""
        return counted(self.pointers, run, oy, low, high)


def word_of(layer: Layer, pixels: np.ndarray) -> np.ndarray:
    """What a RECEIVE row takes of the pixels (N, C, H, W)."""
    rows = pixels[:, :, layer.image_row :][:, :, : layer.height]
    return (rows >> layer.word_shift) & ((1 << layer.word_bits) - 1)


def counted(upto: np.ndarray, run: dict[str, int], oy, low, high) -> np.ndarray:
    """(N, oy, ox, ...): what a run meets, where `upto` (N, entries, ...) counts along each row."""
    base = run["pointer_base"] + oy[:, None] * run["pointer_stride"]
    before = upto[:, base + np.maximum(low - 1, 0)]
    return upto[:, base + (high - 1)] - np.where((low == 0)[:, None], 0, before)
