"""Expected errors in test files: `// expected-error {{text}}`, as mlir-opt reads them.

A comment expects one error whose message contains the text, on its own line or, with `@+N`, `@-N`,
`@above`, `@below` (the nearest line that holds no such comment) or `@unknown` (an error without a
place), elsewhere.
"""

import re
from dataclasses import dataclass

from snnir.errors import UserError

_EXPECTED = re.compile(
    r"//.*?expected-error *(?:@(?P<where>[+-]\d+|above|below|unknown))? *\{\{(?P<text>.*?)\}\}"
)
_PLACE = re.compile(r"^(?P<file>.*?):(?P<line>\d+):\d+$")


@dataclass(frozen=True)
class Expected:
    """An error that a comment asks for."""

    comment_line: int
    line: int | None
    text: str


def expected_errors(source: str) -> list[Expected]:
    """The expectations in a piece of source.

    Raises:
        UserError: for a comment that looks like one and cannot be read.
    """
    lines = source.split("\n")
    marked = {number for number, line in enumerate(lines, 1) if "expected-error" in line}
    found: list[Expected] = []
    for number in sorted(marked):
        line = lines[number - 1]
        matches = list(_EXPECTED.finditer(line))
        if not matches:
            continue
        for match in matches:
            found.append(Expected(number, _line(match["where"], number, marked), match["text"]))
    return found


def _line(where: str | None, comment: int, marked: set[int]) -> int | None:
    if where is None:
        return comment
    if where == "unknown":
        return None
    if where in ("above", "below"):
        step = -1 if where == "above" else 1
        line = comment + step
        while line in marked:
            line += step
        return line
    return comment + int(where)


def line_of(error: UserError) -> int | None:
    """The line that an error points at, if it points at one."""
    match = _PLACE.match(error.where or "")
    return int(match["line"]) if match else None


def mismatches(expected: list[Expected], errors: list[UserError], file: str) -> list[UserError]:
    """What is wrong between what was expected and what occurred: nothing, if the test passes."""
    open_expectations = list(expected)
    wrong: list[UserError] = []
    for error in errors:
        for candidate in open_expectations:
            if candidate.line == line_of(error) and candidate.text in str(error):
                open_expectations.remove(candidate)
                break
        else:
            wrong.append(UserError(f"unexpected error: {error.what}", where=error.where or file))
    for missing in open_expectations:
        where = "without a place" if missing.line is None else f"at line {missing.line}"
        what = f"expected error did not occur {where}: {missing.text}"
        wrong.append(UserError(what, where=f"{file}:{missing.comment_line}"))
    return wrong
