"""How a RAM is put together from block RAM and LUTs, so that no block is taken for a few rows."""

from __future__ import annotations

import functools
from dataclasses import dataclass

_HALVES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""(width, depth) of half a BRAM36 (a RAMB18) as a simple dual-port memory."""

_WHOLES = ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))
"""(width, depth) of a BRAM36."""

DISTRIBUTED_ROWS = 64
"""RAMs up to this depth are made of LUTs: a LUT has as many."""

MOST_REST = 512
"""Rows of LUTs beside block RAM, at most."""

HALF_BLOCK = 190
"""LUTs that are worth half a BRAM36: as many as the XC7Z020 has for each."""


@dataclass(frozen=True)
class RamPart:
    """Rows `first` to `first + rows - 1` of a RAM; `style` is "block" or "distributed"."""

    first: int
    rows: int
    style: str


def block_halves(width: int, depth: int) -> int:
    """Halves of a BRAM36 that block RAM of `depth` rows of `width` bits takes."""
    return min(
        min(-(-width // w) * -(-depth // d) for w, d in _HALVES),
        min(2 * -(-width // w) * -(-depth // d) for w, d in _WHOLES),
    )


def lutram_luts(width: int, depth: int) -> int:
    """LUTs of a RAM in LUTs: RAM32M holds 6 bits, RAM64M 3, each in four LUTs."""
    if depth <= 32:
        return 4 * -(-width // 6)
    return 4 * -(-width // 3) * -(-depth // 64)


def _without_rows_of_blocks(part: RamPart, width: int) -> tuple[RamPart, ...]:
    """A part of block RAM cut so that no piece has blocks above each other, at the same cost.

    Who reads it chooses between the pieces with one multiplexer, not with one for the blocks of a
    part and another for the parts.
    """
    if part.style != "block":
        return (part,)
    cost = block_halves(width, part.rows)
    for w, rows in sorted((*_WHOLES, *_HALVES), key=lambda shape: -shape[1]):
        whole, rest = divmod(part.rows, rows)
        halves = -(-width // w) * (2 if (w, rows) in _WHOLES else 1)
        if whole and whole * halves + (block_halves(width, rest) if rest else 0) <= cost:
            pieces = [RamPart(part.first + n * rows, rows, "block") for n in range(whole)]
            if rest:
                last = RamPart(part.first + whole * rows, rest, "block")
                pieces += _without_rows_of_blocks(last, width)
            return tuple(pieces)
    return (part,)


@functools.cache
def ram_parts(width: int, depth: int) -> tuple[RamPart, ...]:
    """The parts: whole blocks, none above each other, and rows beyond in smaller ones or in LUTs.

    Each begins at a multiple of its rows, rounded up to a power of two, so that it is addressed by
    the lower bits alone. What is cheapest is taken, half a block counting as `HALF_BLOCK` LUTs.
    """
    if depth <= DISTRIBUTED_ROWS:
        return (RamPart(0, depth, "distributed"),)
    best = (block_halves(width, depth) * HALF_BLOCK, (RamPart(0, depth, "block"),))
    for rows in (d for _, d in _WHOLES):
        first = depth // rows * rows
        rest = depth - first
        if not first or not rest:
            continue
        # Each bit is chosen between the parts by a LUT.
        base = block_halves(width, first) * HALF_BLOCK + width
        options = [("block", block_halves(width, rest) * HALF_BLOCK)]
        if rest <= MOST_REST:
            options.append(("distributed", lutram_luts(width, rest)))
        for style, cost in options:
            parts = (RamPart(0, first, "block"), RamPart(first, rest, style))
            best = min(best, (base + cost, parts), key=lambda found: found[0])
    return tuple(p for part in best[1] for p in _without_rows_of_blocks(part, width))


@functools.cache
def ram_bram36(width: int, depth: int) -> float:
    """BRAM36 of a RAM that is put together so; a whole number as an int."""
    parts = [part for part in ram_parts(width, depth) if part.style == "block"]
    return halves_as_blocks(sum(block_halves(width, part.rows) for part in parts))


def halves_as_blocks(halves: int) -> float:
    """Halves of a BRAM36 as BRAM36."""
    return halves // 2 if halves % 2 == 0 else halves / 2
