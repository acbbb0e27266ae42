"""A batch, unrolled: the rows of the layer and the tile table in the order in which they run.

The first layers run image by image, those that share weights tile by tile; see "Batch" in
docs/machine.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from snnir.schedule.program import READOUT, Layer, ProgramTables, Tile


def unroll(tables: ProgramTables) -> ProgramTables:
    """The tables of a batch with a row for each layer of an image, or tile of a shared layer.

    Tiles are in the order in which their weights are loaded, so a tile in front of the shared
    layers comes once for each image, with an address of its own in the stream of weights; so do
    its weights.
    """
    first, shared = tables.layers[: tables.shared], tables.layers[tables.shared :]
    count = shared[0].tile_first
    rows = sum(tile.rows for tile in tables.tiles[:count])
    layers: list[Layer] = []
    tiles: list[Tile] = []
    for image in range(tables.batch):
        moved = image * rows
        layers += [_row(tables, layer, image, image * count) for layer in first]
        tiles += [replace(t, weights=t.weights + moved) for t in tables.tiles[:count]]
    behind = (tables.batch - 1) * count
    for layer in shared:
        layers += _by_tile(tables, layer, behind)
    moved = (tables.batch - 1) * rows
    tiles += [replace(tile, weights=tile.weights + moved) for tile in tables.tiles[count:]]
    weights = [tables.weights[:, :rows]] * tables.batch + [tables.weights[:, rows:]]
    return replace(
        tables,
        layers=tuple(layers),
        tiles=tuple(tiles),
        weights=np.concatenate(weights, axis=1),
        potentials=tables.potentials * tables.batch,
        is_unrolled=True,
    )


def _row(tables: ProgramTables, layer: Layer, image: int, tiles: int) -> Layer:
    """A layer of one image, `tiles` rows further down the tile table."""
    return replace(
        layer, image=image, tile_first=layer.tile_first + tiles, place=_place(tables, layer, image)
    )


def _by_tile(tables: ProgramTables, layer: Layer, behind: int) -> Iterator[Layer]:
    """Each tile of a shared layer for each image; a tile writes one block of the map."""
    for index in range(layer.tile_count):
        tile = tables.tiles[layer.tile_first + index]
        for image in range(tables.batch):
            place, rows = _place(tables, layer, image), index * layer.pool_height
            if layer.kind != READOUT:
                place = replace(
                    place,
                    events=place.events + rows * place.capacity,
                    pointers=place.pointers + rows * layer.pool_width,
                )
            yield replace(
                layer,
                image=image,
                tile_first=behind + layer.tile_first + index,
                tile_count=1,
                channels=tile.channels,
                first_channel=index * tables.tiles[layer.tile_first].channels,
                place=place,
                keeps=image + 1 < tables.batch,
            )


def _place(tables: ProgramTables, layer: Layer, image: int):
    """Where an image's copy of a map is kept, if it has one."""
    if not layer.by_image:
        return layer.place
    events, pointers = tables.image_stride
    return replace(
        layer.place,
        events=layer.place.events + image * events,
        pointers=layer.place.pointers + image * pointers,
    )


def frames_of_batches(frames: np.ndarray, batch: int) -> np.ndarray:
    """(N, ...) images as (ceil(N / batch), batch, ...); the last one fills up the last batch."""
    missing = -len(frames) % batch
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    return frames.reshape(-1, batch, *frames.shape[1:])
