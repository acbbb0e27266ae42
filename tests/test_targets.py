"""Target descriptions: what is shipped, and the one line that each mistake in a file gets."""

from pathlib import Path

import pytest

import snnir.targets
from snnir.errors import UserError
from snnir.targets import load_target, target_names

PYNQ = Path(snnir.targets.__file__).parent / "pynq_z2.toml"


def test_pynq_z2():
    target = load_target("pynq-z2")
    assert (target.lut, target.ff, target.bram36, target.dsp) == (53200, 106400, 140, 220)
    assert target.usable_lut == 42560
    assert target_names() == ["pynq-z2"]


def test_a_file_is_a_target(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(PYNQ.read_text().replace('name = "pynq-z2"', 'name = "small"'))
    assert load_target(str(file)).name == "small"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lut = 53200", "", "field 'lut' is missing"),
        ("lut = 53200", 'lut = "many"', "field 'lut' must be a whole number, not 'many'"),
        ("lut = 53200", "lut = 1.5", "field 'lut' must be a whole number, not 1.5"),
        ("lut = 53200", "lut = 0", "field 'lut' is 0, must be positive"),
        ("dsp = 220", "dsp = -1", "field 'dsp' is -1, must be positive"),
        ("lut_share = 0.8", "lut_share = 80", "a share is at most 1"),
        ("lut_share = 0.8", "lut_share = nan", "must be positive"),
        ("clock_mhz = 150", "clock_mhz = true", "field 'clock_mhz' must be a number"),
        ('name = "pynq-z2"', "name = 2", "field 'name' must be a text"),
        ("bram36", "bram63", "unknown field 'bram63'; did you mean 'bram36'?"),
        ("bram36 = 140", "bram36 140", "not a TOML file"),
    ],
)
def test_mistakes_in_a_file(tmp_path, old, new, message):
    file = tmp_path / "t.toml"
    file.write_text(PYNQ.read_text().replace(old, new))
    with pytest.raises(UserError) as error:
        load_target(str(file))
    text = str(error.value)
    assert message in text and str(file) in text and "\n" not in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pynq", "unknown target 'pynq'; did you mean 'pynq-z2'?"),
        ("virtex", "unknown target 'virtex'; use one of pynq-z2, or a .toml file"),
        ("nowhere.toml", "cannot read the target: No such file or directory"),
        ("/", "cannot read the target: Is a directory"),
    ],
)
def test_targets_that_are_not_there(name, message):
    with pytest.raises(UserError) as error:
        load_target(name)
    assert message in str(error.value)
