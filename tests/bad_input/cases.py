"""A kind of broken input, the command that meets it, and the list of them all.

A case makes its files in the current folder and gives the command line. `expected` are parts of the
one line that the user must see: what is wrong, where, and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from snnir.tools.errors import run_tool


@dataclass(frozen=True)
class Case:
    """A kind of broken input.

    Args:
        prepare: makes the files in the current folder.
        command: words behind the tool's name.
        quotes: whether the line quotes a library, whose words change with its version.
    """

    kind: str
    command: str
    expected: tuple[str, ...]
    prepare: Callable[[], None]
    tool: str = "snnc"
    quotes: bool = False

    @property
    def name(self) -> str:
        return self.kind.replace(" ", "-").replace(",", "")


def run_case(case: Case) -> int:
    """Run a case's command in the current folder, in this process; its exit status."""
    from snnir.tools import snn_opt, snnc

    tool = {"snnc": snnc.run, "snn-opt": snn_opt.run}[case.tool]
    return run_tool(tool, case.command.split())


CASES: list[Case] = []


def line_of(errors: str) -> str:
    """The one line among what came on stderr, without warnings and the current folder."""
    lines = [line for line in errors.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, errors
    return lines[0].replace(os.path.realpath(".") + os.sep, "")


def row_of(case: Case, line: str) -> str:
    """The row of docs/errors.md."""
    line = line.replace("|", "\\|")
    return f"| {case.kind} | `{case.tool} {case.command}` | `{line}` |\n"


def case(kind: str, command: str, *expected: str, tool: str = "snnc", quotes: bool = False):
    """Register the function below as the preparation of a case."""

    def register(prepare: Callable[[], None]) -> Callable[[], None]:
        CASES.append(Case(kind, command, expected, prepare, tool, quotes))
        return prepare

    return register
