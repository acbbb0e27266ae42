"""Every kind of broken input ends in one line that helps, and leaves nothing behind."""

from pathlib import Path

import pytest
from bad_input import CASES, Case, line_of, row_of, run_case

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"


def listing() -> dict[str, bytes | None]:
    """All files here and what is in them."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in Path().rglob("*")
        if ".cache" not in path.parts
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_line_says_it_all(case: Case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    case.prepare()
    before = listing()
    status = run_case(case)
    output, errors = capsys.readouterr()
    assert status == 1
    assert output == ""
    line = line_of(errors)
    assert "error: " in line and "internal error" not in line and "Traceback" not in errors
    for part in case.expected:
        assert part in line
    assert listing() == before, "something was left behind"
    shown = row_of(case, "" if case.quotes else line).removesuffix("`` |\n")
    assert shown in PAGE.read_text(), "make docs writes docs/errors.md anew"


def test_there_are_enough_kinds():
    assert len({case.kind for case in CASES}) == len(CASES) >= 25
