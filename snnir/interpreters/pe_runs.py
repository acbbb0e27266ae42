"""How runs meet the output pixels of a layer, for all pixels at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snnir.schedule.cycles import WalkedRuns
from snnir.schedule.program import PREVIOUS, Layer, ProgramTables, Tile


class Window(NamedTuple):
    """Where a run is not skipped: output pixels `oy` x `ox`, input pixels low..high-1 of each ox.

    `x0` is where the run would begin if the map had no rim.
    """

    oy: np.ndarray
    ox: np.ndarray
    x0: np.ndarray
    low: np.ndarray
    high: np.ndarray


def run_of(tables: ProgramTables, layer: Layer, row: np.ndarray, parity: int = 0) -> dict[str, int]:
    """A row of the run table by column; a map that each image of a batch has is the image's own.

    Args:
        parity: of the window, which says where maps lie that alternate.
    """
    run = dict(zip(tables.run_column, map(int, row), strict=True))
    if tables.recurs:
        copy = 1 - parity if run["by_image"] == PREVIOUS else parity
        copy = copy if run["by_image"] else 0
        run["event_base"] += copy * tables.window_stride[0]
        run["pointer_base"] += copy * tables.window_stride[1]
    elif run["by_image"]:
        run["event_base"] += layer.image * tables.image_stride[0]
        run["pointer_base"] += layer.image * tables.image_stride[1]
    return run


def window_of(layer: Layer, run: dict[str, int]) -> Window | None:
    """Where a run meets the map; None if it does so nowhere."""
    oy = np.arange(layer.height)
    y = oy * run["stride_y"] + run["dy"]
    oy = oy[(y >= 0) & (y < run["height"])]
    ox = np.arange(layer.width)
    x0 = ox * run["stride_x"] + run["dx"]
    low, high = np.maximum(x0, 0), np.minimum(x0 + run["length"], run["width"])
    meets = low < high
    if not len(oy) or not meets.any():
        return None
    return Window(oy, ox[meets], x0[meets], low[meets], high[meets])


def walked_runs(
    tables: ProgramTables, first: int, tiles: Sequence[Tile], seen: Sequence[np.ndarray]
) -> WalkedRuns:
    """The runs of all tiles one behind the other, pixel by pixel.

    Args:
        first: number of the first tile among those of the program.
        seen: for each tile (N, visits, runs, K), the events that each run meets at each visit.
    """
    phase_end, pixel_end, drain, number = [], [], [], []
    for index, (tile, events) in enumerate(zip(tiles, seen, strict=True), first):
        visited = events.shape[1]
        ends = tables.runs[tile.run_first : tile.run_first + tile.run_count, 0] != 0
        last = np.arange(tile.run_count) == tile.run_count - 1
        phase_end.append(np.tile(ends, visited))
        pixel_end.append(np.tile(last, visited))
        clocks = tables.array.drain_clocks(tile.channels)
        drain.append(np.full(visited * tile.run_count, clocks))
        number.append(np.full(visited * tile.run_count, index))
    flat = [part.reshape(len(part), -1, tables.array.banks) for part in seen]
    return WalkedRuns(
        np.concatenate(flat, axis=1),
        np.concatenate(phase_end),
        np.concatenate(pixel_end),
        np.concatenate(drain),
        np.concatenate(number),
    )
