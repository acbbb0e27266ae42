"""What a command says: JSON for programs, text for people, progress only to a terminal."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

_PLAIN_LIST = re.compile(r"\[\n[^\[\]{}]*\]")


def json_text(value: dict[str, Any]) -> str:
    """JSON whose keys keep their order, so the text is stable."""
    # Lists of plain values go on one line: shapes are short, predictions are many.
    return _PLAIN_LIST.sub(_on_one_line, json.dumps(value, indent=2, allow_nan=False)) + "\n"


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json_text(value))


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + " ".join(line.strip() for line in found[0][1:-1].splitlines()).strip() + "]"


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say on stderr what is being done and how long it took, if a person is watching."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(f"{text} ... ")
    sys.stderr.flush()
    start = perf_counter()
    try:
        yield
    finally:
        sys.stderr.write(f"{perf_counter() - start:.1f} s\n")
