"""Machine files, what fits a machine, and program images."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from machines import ARRAY, CHOSEN, LATER, compiled, parts, program_for, small_machine
from xdsl.context import Context

from snnir.backends.verilog import verilog_files
from snnir.errors import UserError
from snnir.hardware.reconfigurable import faults, registers
from snnir.hardware.reconfigurable.file import read_machine
from snnir.hardware.reconfigurable.image_format import HEADER, MAGIC, sections
from snnir.hardware.reconfigurable.machine import Machine
from snnir.hardware.reconfigurable.neuron_text import neuron_text, parse_neuron
from snnir.hardware.reconfigurable.tables import MachineTables
from snnir.hardware.tables import HardwareTables
from snnir.passes.convert_pe_to_hw import ConvertPeToHwPass

DOCS = Path(__file__).parents[2] / "docs" / "reconfigure.md"


@pytest.fixture(scope="module")
def machine() -> Machine:
    return small_machine()


@pytest.fixture(scope="module")
def file(machine, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("machine") / "machine.json"
    path.write_text(machine.to_json())
    return path


def test_a_file_says_all(machine, file):
    found = read_machine(file)
    assert found == machine
    assert found.to_json() == file.read_text()
    assert json.loads(file.read_text())["identity"] == f"{machine.identity:08x}"
    for text in machine.neurons.values():
        assert neuron_text(parse_neuron(text)) == text


def test_the_same_verilog_whatever_the_program(file):
    """And that of the first build, in which the machine was chosen."""
    texts = []
    for seed in (CHOSEN[0], LATER):
        module, _ = compiled(seed, machine=str(file))
        ConvertPeToHwPass(machine=str(file)).apply(Context(), module)
        texts.append(verilog_files(module))
    assert texts[0] == texts[1]
    module, _ = compiled(CHOSEN[0], **ARRAY)
    chosen = Machine.for_program(*parts(module))
    path = file.with_name("chosen.json")
    path.write_text(chosen.to_json())
    later, _ = compiled(CHOSEN[0], machine=str(path))
    ConvertPeToHwPass(machine="auto").apply(Context(), module)
    ConvertPeToHwPass(machine=str(path)).apply(Context(), later)
    assert verilog_files(module) == verilog_files(later)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text[:200], "it is no machine file"),
        (lambda text: text.replace('"snnir machine"', '"machine"'), "it is no machine file"),
        (lambda text: text.replace('"version": 1', '"version": 9'), "a machine of version 9"),
        (lambda text: text.replace('"ring": 64', '"ring": 128'), "changed after it was written"),
        (lambda text: text.replace('"ring": 64,', ""), "damaged"),
        (lambda text: text.replace('"banks": 4', '"banks": 3'), "damaged"),
    ],
)
def test_other_files_are_refused(file, tmp_path, change, message):
    path = tmp_path / "machine.json"
    path.write_text(change(file.read_text()))
    with pytest.raises(UserError, match=message):
        read_machine(path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"array": {"fifo": 16}}, "it has another array than the program"),
        ({"ring": 128}, "its ring has 128 rows, the program's 64"),
        ({"depths": {"runs": 3}}, "runs need 22 rows, it has 3: 19 too few"),
        ({"depths": {"image": 50}}, "image need 54 rows, it has 50: 4 too few"),
        ({"shifts": ()}, "it has no shift of accumulators 4"),
        ({"words": ((0, 4),)}, r"it has no image word \(shift, bits\) \(0, 8\)"),
        ({"fractions": 1}, "its fractions go to 0 bits, the program has 1"),
        ({"position_max": 0}, "positions of events go to 1, its own to 0"),
        ({"reach": {"x": (-1, 3), "y": (-64, 63)}}, r"reach.x goes from -\d to \d+, its own from"),
        ({"neurons": {}}, "it has no neuron @radix"),
        ({"groups": ()}, "@radix does not take direct currents of 8 planes with 5 steps"),
    ],
)
def test_what_does_not_fit_is_named(machine, file, change, message):
    tables, neurons = parts(compiled(CHOSEN[0], machine=str(file))[0])
    fields = {}
    for key, value in change.items():
        if key == "array":
            value = replace(machine.array, **value)
        elif key == "depths":
            value = {**machine.depths, **value}
        fields[key] = value
    with pytest.raises(UserError, match=message):
        replace(machine, **fields).fits(tables, neurons)


def test_weights_on_the_chip_make_no_machine():
    module, _ = compiled(CHOSEN[0], **{**ARRAY, "weights": "onchip", "ring": 0})
    with pytest.raises(UserError, match="takes its weights from DDR"):
        Machine.for_program(*parts(module))


def test_an_image_holds_the_tables(machine, file):
    program = program_for(machine, file, CHOSEN[1])
    words = np.frombuffer(program.image, "<u8")
    assert (words[0], words[1]) == (MAGIC, 1 | machine.identity << 32)
    assert words[2] & 0xFFFFFFFF == len(words)
    assert words[-1] == zlib.crc32(program.image[:-8])
    counts = [int(n) for word in words[2:HEADER] for n in (word & 0xFFFFFFFF, word >> 32)][1:]
    placed, at = HardwareTables(program.tables, machine), HEADER
    for section, count in zip(sections(MachineTables(machine)), counts, strict=False):
        rows = [
            int.from_bytes(words[at + i * section.words :][: section.words].tobytes(), "little")
            for i in range(count)
        ]
        at += count * section.words
        if section.name == "settings":
            assert rows == [placed.settings.low(key) for key in section.fields.stored]
            continue
        for key in reversed(section.fields.stored):
            low = sum(section.fields.width(k) for k in section.fields.stored)
            low -= sum(
                section.fields.width(k)
                for k in section.fields.stored[section.fields.stored.index(key) :]
            )
            mask = (1 << section.fields.width(key)) - 1
            values = getattr(placed, section.name).columns[key]
            assert [row >> low & mask for row in rows] == [int(v) & mask for v in values], key
    assert at == len(words) - 1


def test_the_page_names_every_code_and_register():
    text = DOCS.read_text()
    for code in faults.FAULTS:
        assert f"| {code} |" in text or f"| {code}, {code + 1} |" in text or code == faults.DECERR
    for name in (*registers.REGISTERS, *registers.COUNTERS):
        assert f"`{name}`" in text and f"0x{registers.address_of(name):02X}" in text
