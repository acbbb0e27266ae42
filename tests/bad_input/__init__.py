"""Kinds of broken input, by topic, for test_bad_input.py and docs/errors.md.

The modules register their cases (`cases.CASES`) in the order in which they are named here.
"""

import importlib

from bad_input.cases import CASES, Case, line_of, row_of, run_case

TOPICS = (
    "models", "calibration", "options", "neurons", "targets", "builds", "memories", "recordings",
    "technologies", "search", "machines", "passes",
)  # fmt: skip

for topic in TOPICS:
    importlib.import_module(f"bad_input.{topic}")

__all__ = ["CASES", "Case", "line_of", "row_of", "run_case"]
