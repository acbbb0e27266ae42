"""Layers that are computed band by band, put together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from snnir.schedule.program import FIRE, READOUT, Layer, ProgramTables


def whole_layers(tables: ProgramTables) -> list[Layer]:
    """The layers that compute, each once; of one in bands what its first band is, but all rows."""
    found: dict[str, Layer] = {}
    for layer in tables.layers:
        if layer.kind not in (FIRE, READOUT) or layer.of in found:
            continue
        band = layer.band
        if band is not None:
            # The pool's padding is that at the map's rim, which the first band has.
            layer = replace(
                layer, label=band.of, height=band.pixels, pool_height=band.rows, band=None
            )
        found[layer.of] = layer
    return list(found.values())


def join_trains(tables: ProgramTables, trains: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The trains of whole layers, from those of their bands; label -> (N, C, H, W).

    Rows that no pooling window needs are silent.
    """
    joined = dict(trains)
    for layer in tables.layers:
        band = layer.band
        if band is None or layer.label not in trains:
            continue
        parts = [("", band.first, band.pixels, layer.height)]
        if layer.is_pooled:
            parts.append((".pool", band.row, band.rows, layer.pool_height))
        for suffix, first, rows, count in parts:
            part, label = joined.pop(layer.label + suffix), band.of + suffix
            if label not in joined:
                images, channels, _, width = part.shape
                joined[label] = np.zeros((images, channels, rows, width), part.dtype)
            joined[label][:, :, first : first + count] |= part
    return joined


def sum_rows(tables: ProgramTables, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Clocks or events by layer, from those by row of the layer table."""
    found: dict[str, np.ndarray] = {}
    for layer in tables.layers:
        if layer.label in values:
            found[layer.of] = found.get(layer.of, 0) + values[layer.label]
    return found


def stored_trains(layer: Layer, trains: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a row of the layer table stores, from the trains of whole layers (N, batch, C, H, W)."""
    label = layer.of + (".pool" if layer.is_pooled else "")
    words = trains[label][:, layer.image, layer.first_channel :][:, : layer.channels]
    first = layer.band.row if layer.band else 0
    return words[:, :, first : first + layer.pool_height]
