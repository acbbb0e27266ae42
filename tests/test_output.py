"""Numbers, tables, folders and JSON as snnc writes them."""

import json

import pytest

from snnir.errors import UserError
from snnir.tools.folders import new_folder
from snnir.tools.output import json_text
from snnir.tools.tables import byte_size, duration, number, percent, table


def test_numbers_have_units():
    assert (number(1234567), number(None), number(2.5, 1)) == ("1,234,567", "-", "2.5")
    assert (percent(0.98914), percent(None)) == ("98.91 %", "-")
    assert [duration(s) for s in (12e-6, 0.0034, 1.25, None)] == ["12 us", "3.4 ms", "1.25 s", "-"]
    assert [byte_size(n) for n in (12, 2048, 3 << 20)] == ["12 B", "2.0 KiB", "3.0 MiB"]


def test_tables_align_numbers_to_the_right_and_set_off_totals():
    text = table(("name", "count"), [("a", "1"), ("total", "1,000")], total=True)
    assert text.splitlines() == [
        "name   count",
        "-----  -----",
        "a          1",
        "-----  -----",
        "total  1,000",
    ]


def test_json_keeps_short_lists_on_one_line():
    value = {"shape": [1, 2, 3], "empty": [], "nested": [{"a": ["x", "y, z"], "b": ["[]"]}]}
    text = json_text(value)
    assert '"shape": [1, 2, 3]' in text and '["x", "y, z"]' in text
    assert json.loads(text) == value


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "out"
    with pytest.raises(RuntimeError), new_folder(target) as staging:
        (staging / "file").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with new_folder(target) as staging:
        (staging / "file").touch()
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["file"]
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_a_new_folder_takes_the_place_of_an_old_one(tmp_path):
    target = tmp_path / "out"
    for name in ("first", "second"):
        with new_folder(target) as staging:
            (staging / name).touch()
    assert [path.name for path in target.iterdir()] == ["second"]


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"), new_folder(tmp_path / "file" / "out"):
        pass
