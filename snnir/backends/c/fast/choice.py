"""Which kernel a synapse gets, and how its window is cut: by proven ranges and sizes of caches."""

from __future__ import annotations

import numpy as np

INT16, INT32 = 2**15 - 1, 2**31 - 1
EVENT_TILES, VALUE_TILES = (16, 32, 64, 128), (16, 32, 64)
"""Widths of a tile: outputs that one event, or one value, is added to at once."""
CHUNK_BYTES = 24 << 10
"""Weight rows that are used together, so that they stay in the first cache."""
WHOLE_BYTES = 72 << 10
"""Up to as many are not cut at all."""

CHAIN, SPLIT, SCALAR, DOT_PLANES, DOT, PRODUCT, ONE_PLANES, ONE_VALUE = (
    "CHAIN",
    "SPLIT",
    "SCALAR",
    "DOT_PLANES",
    "DOT",
    "PRODUCT",
    "ONE_PLANES",
    "ONE_VALUE",
)
"""Kernels. Step by step: sums of bytes first (CHAIN), of halves of bytes (SPLIT),
of integers (SCALAR), or all inputs without lists (DOT_PLANES). All steps at once: products of
bytes (DOT), of integers (PRODUCT). One-to-one synapses: step by step, at once."""


def dense_is_faster(inputs: int, tile: int) -> bool:
    """Whether products of all inputs take less time than walking a list, for one pixel and step.

    In clocks: two products of 16 outputs and 4 inputs each; or a tenth of the inputs at one each,
    and what it takes to begin and end the lists.
    """
    return inputs * tile / 128 < inputs / 10 + 30


def runs_of(kernel, dilations, inner: int, tile: int) -> list[tuple[int, int, int, int]]:
    """Window rows whose pixels are neighbours in memory, or single pixels of it.

    Rows that are too long for the first cache are cut into pixels, too.
    """
    (kh, kw), (dy, dx) = kernel, dilations
    row = kw * inner * tile
    whole = kw == 1 or (dx == 1 and (row <= CHUNK_BYTES or kh * row <= WHOLE_BYTES))
    if whole:
        return [(ky * dy, 0, kw, ky * kw * inner) for ky in range(kh)]
    return [(ky * dy, kx * dx, 1, (ky * kw + kx) * inner) for ky in range(kh) for kx in range(kw)]


def chunks_of(runs, pixel: int) -> list[int]:
    """Numbers of runs: as many together as make CHUNK_BYTES of weights, at `pixel` each."""
    if sum(run[2] for run in runs) * pixel <= WHOLE_BYTES:
        return [len(runs)]
    chunks: list[int] = []
    size = CHUNK_BYTES
    for _, _, pixels, _ in runs:
        if size + pixels * pixel > CHUNK_BYTES:
            chunks.append(0)
            size = 0
        chunks[-1] += 1
        size += pixels * pixel
    return chunks


def event_kernel(weights, runs, chunks, inner: int, terms: int, chain: int) -> str:
    """The narrowest sums that no input whatsoever overflows."""
    if np.abs(weights).max(initial=0) > 127:
        return SCALAR
    rows = weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
    first, reach = 0, 0
    ends = np.cumsum(chunks) - 1
    for end in ends:
        _, _, pixels, row = runs[end]
        part = rows[:, first : row + pixels * inner] * terms
        first = row + pixels * inner
        reach = max(reach, np.maximum(part, 0).sum(1).max(), -np.minimum(part, 0).sum(1).min())
    if reach > INT16:
        return SCALAR
    return CHAIN if chain >= 4 else SPLIT
