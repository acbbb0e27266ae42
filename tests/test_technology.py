"""Technology files: the shipped constants, their rules, and the one line for each mistake."""

from math import log
from pathlib import Path

import pytest

import snnir.targets
from snnir.errors import UserError
from snnir.targets.technology import load_technology, technology_names

CMOS = Path(snnir.targets.__file__).parent / "technologies" / "cmos_45nm.toml"


def test_shipped_technologies():
    assert technology_names() == ["block-ram", "cmos-45nm"]
    for name in technology_names():
        technology = load_technology(name)
        assert technology.name == name and technology.title
        assert all(len(c.source) > 20 for c in technology.constants.values())


def test_constants_of_45_nm():
    """Horowitz's table, in pJ."""
    technology = load_technology()
    assert (technology.add(8), technology.add(32)) == (0.03, 0.1)
    assert (technology.multiply(8, 8), technology.multiply(32, 32)) == (0.2, 3.1)
    assert technology.float_mac == pytest.approx(3.7 + 0.9)
    assert technology.on_chip == 10 / 64 and technology.off_chip == 1300 / 64
    assert load_technology("block-ram").on_chip == pytest.approx(19e-3 / 300e6 * 1e12 / 36, 1e-3)


def test_other_widths_follow_a_power_law():
    technology = load_technology()
    add, multiply = log(0.1 / 0.03) / log(4), log(3.1 / 0.2) / log(4)
    assert technology.add(4) == pytest.approx(0.03 * 0.5**add)
    assert technology.add(17) == pytest.approx(0.03 * (17 / 8) ** add)
    assert technology.multiply(4, 4) == pytest.approx(0.2 * 0.5**multiply)
    # 4 by 16 bits are as many partial products as 8 by 8.
    assert technology.multiply(4, 16) == technology.multiply(16, 4) == 0.2
    assert 0.8 < add < 1 < 1.9 < multiply < 2
    energies = [technology.add(bits) for bits in range(1, 65)]
    assert energies == sorted(energies)


def test_three_widths_are_met_and_joined(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(CMOS.read_text().replace("{ 8 = 0.03,", "{ 8 = 0.03, 16 = 0.09,"))
    mine, shipped = load_technology(str(file)), load_technology()
    assert mine.name == "mine" and mine.add(16) == 0.09
    assert mine.add(12) == pytest.approx(0.03 * 1.5 ** (log(3) / log(2)))
    assert mine.add(20) < mine.add(32) == shipped.add(32) < mine.add(33)


def test_units():
    technology = load_technology()
    assert technology.scalar("feature") == 45
    # 23.4 uW for 5 ns are 117 fJ.
    wires = 10 / 64 * (34.5 / 146) ** 0.5
    assert technology.stt_read == pytest.approx(0.117 + wires)


def test_units_of_a_file(tmp_path):
    file = tmp_path / "fine.toml"
    text = CMOS.read_text().replace('{ 64 = 10 }\nunit = "pJ"', '{ 64 = 10_000 }\nunit = "fJ"')
    file.write_text(text.replace('unit = "uW"', 'unit = "mW"').replace("= 23.4", "= 0.0234"))
    fine, shipped = load_technology(str(file)), load_technology()
    assert fine.on_chip == pytest.approx(shipped.on_chip)
    assert fine.stt_read == pytest.approx(shipped.stt_read)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title = ", "tittle = ", "unknown field 'tittle'; did you mean 'title'?"),
        ('title = "45 nm CMOS at 0.9 V"', "title = 45", "field 'title' must be a text"),
        ("[on_chip]", "[onchip]", "unknown field 'onchip'; did you mean 'on_chip'?"),
        (
            "8 = 0.03",
            "8 = -0.03",
            "[integer_add]: error: field 'bits.8' is -0.03, must be positive",
        ),
        ("8 = 0.03", "8 = nan", "field 'bits.8' is nan, must be positive"),
        ("8 = 0.03", "8 = inf", "field 'bits.8' is inf, must be positive"),
        ("8 = 0.03", '8 = "x"', "field 'bits.8' must be a number, not 'x'"),
        ("8 = 0.03", "8 = true", "field 'bits.8' must be a number, not True"),
        ("8 = 0.03,", "", "'bits' has 1 of at least 2 widths"),
        ("8 = 0.03", "0 = 0.03", "'0' is no width from 1 to 1024"),
        ("8 = 0.03", "byte = 0.03", "'byte' is no width from 1 to 1024"),
        ("{ 8 = 0.03, 32 = 0.1 }", "0.1", "field 'bits' must be a table such as"),
        ("{ 64 = 10 }", "{ 32 = 5, 64 = 10 }", "more than one width of an access"),
        ("16 = 1.1, 32 = 3.7", "16 = 1.1", "'bits' has no value for 32 bits"),
        ('unit = "F^2"\n', "", "[sram_cell]: error: field 'unit' is missing"),
        ('unit = "nm"', 'unit = "ns"', "field 'unit' is 'ns'; use one of nm, um"),
        ('unit = "nJ"', 'unit = "J"', "field 'unit' is 'J'; use one of fJ, pJ, nJ"),
        ("value = 6.24", "value = 0", "[pim_gain]: error: field 'value' is 0, must be positive"),
        ("value = 6.24", "values = 6.24", "unknown field 'values'; did you mean 'value'?"),
        ('basis = "derived"', 'basis = "guess"', "field 'basis' is 'guess'; use one of published"),
        ("[stt_read_time]", "[pim_gain2]", "unknown field 'pim_gain2'"),
        ('source = "both', 'comment = "both', "unknown field 'comment'"),
        ("title", "on_chip = 3\ntitle", "not a TOML file"),
        ("title", "title", None),
    ],
)
def test_mistakes_in_a_file(tmp_path, old, new, message):
    file = tmp_path / "mine.toml"
    text = CMOS.read_text().replace('basis = "assumption"', 'basis = "derived"', 1)
    assert old in text
    file.write_text(text.replace(old, new, 1))
    if message is None:
        assert load_technology(str(file)).name == "mine"
        return
    with pytest.raises(UserError) as error:
        load_technology(str(file))
    assert message in str(error.value) and str(file) in str(error.value)


def without(*names: str) -> str:
    """The shipped file without some tables."""
    tables = CMOS.read_text().split("\n[")
    return "\n[".join(t for t in tables if not t.startswith(tuple(f"{n}]" for n in names)))


def test_what_may_be_left_out(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(without("pim_gain"))
    assert not load_technology(str(file)).has_pim and load_technology(str(file)).has_stt
    stt = ("feature", "sram_cell", "stt_cell", "stt_read_power", "stt_read_time", "stt_wires")
    file.write_text(without(*stt))
    assert load_technology(str(file)).has_pim and not load_technology(str(file)).has_stt
    file.write_text(without("feature"))
    with pytest.raises(UserError, match="field 'feature' is missing"):
        load_technology(str(file))
    file.write_text(without("off_chip"))
    with pytest.raises(UserError, match="field 'off_chip' is missing"):
        load_technology(str(file))
    file.write_text(without("off_chip").replace("title", "off_chip = 1\ntitle"))
    with pytest.raises(UserError, match="'off_chip' must be a table; write \\[off_chip\\]"):
        load_technology(str(file))


def test_technology_by_name(tmp_path):
    with pytest.raises(UserError, match="unknown technology 'cmos-40nm'; did you mean 'cmos-45nm'"):
        load_technology("cmos-40nm")
    with pytest.raises(UserError, match="cannot read the technology: No such file"):
        load_technology(str(tmp_path / "none.toml"))
