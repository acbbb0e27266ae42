"""Writes docs/errors.md: the line that each kind of broken input of the tests gets."""

import io
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "errors.md"
sys.path.insert(0, str(ROOT / "tests"))

from bad_input import CASES, Case, line_of, row_of, run_case  # noqa: E402

HEAD = """\
# What broken input is answered with

Whatever a user can get wrong ends in one line on stderr, with exit status 1, and leaves no file
behind. `tests/test_bad_input.py` holds the tools to every row; `make docs` writes this page.

| what is wrong | command | the line |
|---|---|---|
"""


def row(case: Case) -> str:
    """The row that the case's command makes."""
    errors = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        case.prepare()
        with redirect_stderr(errors), redirect_stdout(io.StringIO()):
            run_case(case)
        return row_of(case, line_of(errors.getvalue()))


if __name__ == "__main__":
    PAGE.write_text(HEAD + "".join(map(row, CASES)))
