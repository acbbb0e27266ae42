"""JSON as the commands print it: stable, and with short lists on one line."""

import json
import re
import sys
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
