"""Products of small integers in two clocks and without a multiplier block."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from snnir.hardware.language.builder import Module, Signal, mux

TERMS = 3
"""Shifted copies of the multiplicand that one register adds up: two adders in a row."""

Register = Callable[[str, Signal], Signal]


def fit(value: Signal, width: int) -> Signal:
    """An unsigned value in another width, modulo 2^width."""
    return value.zext(width) if width >= value.width else value.trunc(width)


def add_all(terms: list[Signal]) -> Signal:
    """A balanced tree of adders."""
    while len(terms) > 1:
        terms = [reduce(Signal.__add__, terms[i : i + 2]) for i in range(0, len(terms), 2)]
    return terms[0]


def product(
    m: Module, register: Register, name: str, a: Signal, b: Signal, width: int
) -> tuple[Signal, Signal | None]:
    """The partial sums of `a * b` modulo 2^width, registered: two values still to be added.

    Args:
        register: what makes a register of the caller's pipeline.
    """
    if a.constant is not None or (b.constant is None and b.width < a.width):
        a, b = b, a
    if b.constant is not None:
        terms = [
            fit(a, width).shl(j) for j in range(b.width) if (b.constant >> j) & 1 and j < width
        ]
    else:
        wide = fit(b, width)
        terms = [mux(bit, wide.shl(i), 0) for i, bit in enumerate(a) if i < width]
    if not terms:
        return m.const(0, width), None
    half = max(TERMS, (len(terms) + 1) // 2)
    parts = [add_all(terms[:half]), add_all(terms[half:])] if terms[half:] else [add_all(terms)]
    parts = [register(f"{name}_part{i}", part) for i, part in enumerate(parts)]
    return parts[0], parts[1] if parts[1:] else None
