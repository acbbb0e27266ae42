"""What is being done and how long it took, on stderr, if a person is watching."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

_line_is_open: list[bool] = []
"""For each step that runs: whether nothing was written behind its `...` yet."""


_silent: list[bool] = []


def silence() -> None:
    """Say nothing more in this process: one among several would write into the others' lines."""
    _silent.append(True)


def _is_watched() -> bool:
    return not _silent and sys.stderr.isatty()


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say `text ... 1.2 s`; steps inside are indented."""
    if not _is_watched():
        yield
        return
    if _line_is_open and _line_is_open[-1]:
        sys.stderr.write("\n")
        _line_is_open[-1] = False
    indent = "  " * len(_line_is_open)
    sys.stderr.write(f"{indent}{text} ... ")
    sys.stderr.flush()
    _line_is_open.append(True)
    start = perf_counter()
    try:
        yield
    finally:
        line = "" if _line_is_open.pop() else f"{indent}{text}: "
        sys.stderr.write(f"{line}{perf_counter() - start:.1f} s\n")


def counted(items: Iterable[T], total: int) -> Iterator[T]:
    """The items, counted behind the step that runs: `3/8`, overwritten by the next number."""
    if not _is_watched():
        yield from items
        return
    shown = ""
    for number, item in enumerate(items, 1):
        text = f"{number}/{total} "
        sys.stderr.write("\b" * len(shown) + text)
        sys.stderr.flush()
        shown = text
        yield item
