"""A batch, planned: which layers share weights, where their maps are kept, what an image takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import BoolAttr
from xdsl.ir import SSAValue

from snnir.dialects.assembly import int_list, integer
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_layers import LayerOp
from snnir.schedule.loading import FULL_RATE, Ddr, row_layout
from snnir.schedule.places import RowSize, map_size, place_maps
from snnir.schedule.reading import maps_by_image
from snnir.targets import Target

DENSITY = 0.5
"""Assumed share of neurons that are not silent."""


def share(program: ProgramOp, images: int, first: int) -> None:
    """Let the layers from number `first` on share weights among so many images."""
    program.batch = integer(images)
    for index, layer in enumerate(program.layers):
        layer.shared = BoolAttr.from_bool(True) if index >= first else None


def unshare(program: ProgramOp) -> None:
    """Back to one image after another."""
    program.batch = program.image_stride = None
    for layer in program.layers:
        layer.shared = None


def place_batch(program: ProgramOp, row: RowSize, reuse: bool) -> tuple[dict[SSAValue, int], int]:
    """An address for each map, and by how much the copies of different images lie apart.

    Maps fall into three groups: those of one image at a time, those that images keep until the
    shared layers begin, and those that shared layers write. What is kept lies behind the first
    group. The last group follows it image by image, or lies where the first group was; what needs
    less memory is taken. Each group is placed by itself, as `place_maps` says.
    """
    own = maps_by_image(program)
    if not own:
        return place_maps(program, row, reuse), 0
    written = {layer.out for layer in program.layers if layer.is_shared}

    def group(among: Callable[[SSAValue], bool]) -> tuple[dict[SSAValue, int], int]:
        found = place_maps(program, row, reuse, among)
        return found, max((a + map_size(v.type, row) for v, a in found.items()), default=0)

    single, above = group(lambda value: value not in own)
    together, whole = group(lambda value: value in own)
    kept, first = group(lambda value: value in own - written)
    inner, second = group(lambda value: value in own & written)
    stride = max(first, second)
    behind = max(above, program.images * second + (program.images - 1) * (stride - second))
    if behind + (program.images - 1) * stride + first < above + program.images * whole:
        return single | _moved(kept, behind) | inner, stride
    return single | _moved(together, above), whole


def _moved(places: dict[SSAValue, int], by: int) -> dict[SSAValue, int]:
    return {value: address + by for value, address in places.items()}


def image_clocks(program: ProgramOp, target: Target | None) -> float:
    """Clocks of an image by estimate: what takes longer, to load weights or to use them."""
    array = program.array.data
    ddr = Ddr()
    if target is not None:
        ddr = Ddr.of(target, array.ports)
    rows = computing = 0.0
    for layer in program.layers:
        loads = program.images if layer.is_shared else 1
        for tile in layer.tiles:
            rows += tile.rows / loads
        computing += _computing(layer, array.banks)
    return max(computing, rows * row_layout(array).beats * FULL_RATE / ddr.rate)


def _computing(layer: LayerOp, banks: int) -> float:
    """Clocks of a layer: of its events where neurons are silent with the same chance, or runs."""
    pixels = float(np.prod(int_list(layer.pixels)))
    total = 0.0
    for tile in layer.tiles:
        events, runs = 0.0, 0
        for stream in tile.streams:
            table = from_dense(stream.runs)
            kind = stream.seen
            channels = np.minimum(kind.block.data, kind.dims[0] - table[:, 0] * kind.block.data)
            events += float((table[:, 3] * channels).sum()) * DENSITY / banks
            runs += len(table)
        total += pixels * max(events, runs)
    return total
