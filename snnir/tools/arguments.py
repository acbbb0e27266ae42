"""Types of command-line values: each checks its range and says it where a value is outside."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

MACHINE = "machine.json"
"""A machine's file in a build folder."""


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A whole number from `low` to `high`, or from `low` upwards."""
    span = f"{low} to {high}" if high is not None else f"{low} or more"

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < low or high is not None and value > high:
            raise ArgumentTypeError(f"takes a whole number, {span}, not '{text}'")
        return value

    return convert


def real(text: str) -> float:
    """A number, also as a fraction: `0.5`, `1/255`."""
    above, slash, below = text.partition("/")
    try:
        value = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentTypeError(f"takes a number or a fraction like 1/255, not '{text}'")
    return value


def positive(text: str) -> float:
    """A number above 0, also as a fraction."""
    if (value := real(text)) <= 0:
        raise ArgumentTypeError(f"takes a number above 0, not '{text}'")
    return value


def not_negative(text: str) -> float:
    """A number, 0 or above."""
    if (value := real(text)) < 0:
        raise ArgumentTypeError(f"takes a number, 0 or above, not '{text}'")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= (value := real(text)) <= 1:
        raise ArgumentTypeError(f"takes a share, 0 to 1, not '{text}'")
    return value


def between(low: float, high: float) -> Callable[[str], float]:
    """A number above `low`, up to `high`."""

    def convert(text: str) -> float:
        value = real(text)
        if not low < value <= high:
            raise ArgumentTypeError(f"takes a number above {low:g}, up to {high:g}, not '{text}'")
        return value

    return convert


def several(one: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    """Numbers separated by commas, one for each channel."""

    def convert(text: str) -> tuple[float, ...]:
        return tuple(one(part.strip()) for part in text.split(","))

    return convert


def by_layer(low: int, high: int) -> Callable[[str], tuple[str, ...]]:
    """A number for each of some layers, `conv2:3,conv5:2`."""

    def convert(text: str) -> tuple[str, ...]:
        from snnir.errors import UserError
        from snnir.passes._by_layer import by_layer

        entries = tuple(part.strip() for part in text.split(","))
        try:
            by_layer("it", entries, low, high)
        except UserError as error:
            raise ArgumentTypeError(error.what) from error
        return entries

    return convert


def array(text: str) -> tuple[int, ...] | Path:
    """`K,C,P` or `K,C,P,L`: banks, channels, planes, lanes of the drain; or a machine file."""
    parts = text.split(",")
    path = Path(text)
    if path.suffix == ".json" or path.is_dir():
        return path / MACHINE if path.is_dir() else path
    if len(parts) not in (3, 4) or not all(part.strip().isdigit() for part in parts):
        raise ArgumentTypeError(
            f"takes banks,channels,planes and perhaps drain lanes, for example 8,16,4 or 8,16,4,2, "
            f"or a machine file, not '{text}'"
        )
    banks, channels, planes, *lanes = map(int, parts)
    if banks not in (1, 2, 4, 8, 16, 32):
        raise ArgumentTypeError(f"banks must be a power of two, 1 to 32, not {banks}")
    if not 1 <= channels <= 256:
        raise ArgumentTypeError(f"channels must be 1 to 256, not {channels}")
    if not 1 <= planes <= 16:
        raise ArgumentTypeError(f"planes must be 1 to 16, not {planes}")
    if lanes and (lanes[0] not in (1, 2, 4, 8) or lanes[0] > banks):
        raise ArgumentTypeError(
            f"drain lanes must be 1, 2, 4 or 8 and at most the {banks} banks, not {lanes[0]}"
        )
    return banks, channels, planes, *lanes


def batch(text: str) -> int:
    """Images that are computed together, or `auto`, which is 0."""
    return 0 if text == "auto" else whole(1, 8)(text)


def windows(text: str) -> int:
    """Windows of a sample, or `endless`, which is 0."""
    return 0 if text == "endless" else whole(1, 4096)(text)


def choices(low: int, high: int, powers: bool = False) -> Callable[[str], tuple[int, ...]]:
    """Whole numbers from `low` to `high` separated by commas, perhaps powers of two only."""
    one = whole(low, high)

    def convert(text: str) -> tuple[int, ...]:
        values = tuple(dict.fromkeys(one(part) for part in text.split(",")))
        for value in values:
            if powers and value & (value - 1):
                raise ArgumentTypeError(f"takes powers of two, {low} to {high}, not '{value}'")
        return values

    return convert


def names(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Some of the known names, separated by commas."""

    def convert(text: str) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        for value in values:
            if value not in known:
                raise ArgumentTypeError(f"takes {', '.join(known)}, not '{value}'")
        return values

    return convert


def workers(text: str) -> int | str:
    """A number of processes, or the address of a scheduler: `tcp://host:port`."""
    if text.isdigit() and int(text) > 0:
        return int(text)
    if "://" in text and text.partition("://")[2]:
        return text
    raise ArgumentTypeError(
        f"takes a number of processes, or an address like tcp://host:8786, not '{text}'"
    )


def words(text: str) -> tuple[str, ...]:
    """Words separated by commas, of which none is empty."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise ArgumentTypeError(f"takes names separated by commas, not '{text}'")
    return found
