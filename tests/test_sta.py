"""Static timing: netlists whose longest path is known by hand, and a design that Yosys maps."""

import pytest

from snnir.backends.verilog import verilog_files
from snnir.errors import UserError
from snnir.hardware.language.builder import Module, design
from snnir.runtime import sta, yosys
from snnir.tools import snnc
from snnir.tools.errors import run_tool

needs_yosys = pytest.mark.skipif(yosys.find() is None, reason="Yosys is not installed")


def netlist(cells: dict, names: dict, ports: dict | None = None) -> dict:
    """The JSON of a flat module `top`."""
    module = {
        "ports": {
            name: {"direction": way, "bits": bits} for name, (way, bits) in (ports or {}).items()
        },
        "cells": {
            name: {"type": kind, "parameters": {}, "port_directions": {}, "connections": pins}
            for name, (kind, pins) in cells.items()
        },
        "netnames": {name: {"bits": bits} for name, bits in names.items()},
    }
    return {"modules": {"top": module}}


def flip_flop(d: object, q: int, **pins: object) -> tuple[str, dict]:
    return "FDRE", {"C": [2], "D": [d], "Q": [q]} | {key: [net] for key, net in pins.items()}


def lut(output: int, *inputs: int) -> tuple[str, dict]:
    return f"LUT{len(inputs)}", {"O": [output]} | {f"I{i}": [n] for i, n in enumerate(inputs)}


def test_two_luts_between_two_registers():
    cells = {"a": flip_flop("0", 3), "x": lut(4, 3), "y": lut(5, 4), "b": flip_flop(5, 6)}
    report = sta.analyse(netlist(cells, {"core.a": [3], "core.b": [6]}), "top")
    # Clock to output, wire, LUT, wire, LUT, and into the flip-flop of the same slice.
    expected = sta.FF_OUT + 2 * (sta.wire_delay(1) + sta.LUT) + sta.FF_SETUP["D"]
    (path,) = report.paths
    assert path.delay == report.worst == pytest.approx(expected)
    assert (path.source, path.sink, path.levels) == ("core.a", "core.b", 2)
    assert report.levels == {2: 1}


def test_the_longest_of_two_ways_counts_and_copies_are_one():
    cells = {"a": flip_flop("0", 3), "x": lut(4, 3)}
    for i in range(4):
        cells |= {f"y{i}": lut(10 + i, 3, 4), f"b{i}": flip_flop(10 + i, 20 + i)}
    report = sta.analyse(netlist(cells, {"a": [3], "b": [20, 21, 22, 23]}), "top")
    (path,) = report.paths
    expected = sta.FF_OUT + sta.wire_delay(5) + sta.wire_delay(4) + 2 * sta.LUT
    assert path.delay == pytest.approx(expected + sta.FF_SETUP["D"])
    assert path.alike == 4 and path.levels == 2 and report.endpoints == 4
    assert report.fanout[0] == ("a", 5)


def test_carry_chain():
    """An adder of eight bits: a LUT, up the chain at no wire, the sum into its flip-flop."""
    chain = {"CI": ["0"], "CYINIT": ["0"], "DI": ["0"] * 4, "S": [4, "0", "0", "0"]}
    second = {"CI": [13], "CYINIT": ["0"], "DI": ["0"] * 4, "S": ["0"] * 4, "O": [20, 21, 22, 23]}
    cells = {
        "a": flip_flop("0", 3),
        "x": lut(4, 3),
        "low": ("CARRY4", chain | {"O": [5, 6, 7, 8], "CO": [10, 11, 12, 13]}),
        "high": ("CARRY4", second),
        "b": flip_flop(23, 30),
    }
    report = sta.analyse(netlist(cells, {"a": [3], "b": [30]}), "top")
    (path,) = report.paths
    logic = sta.LUT + sta.CARRY["S", 0][1][3] + sta.CARRY["CI", 0][0][3]
    assert path.delay == pytest.approx(sta.FF_OUT + sta.wire_delay(1) + logic + sta.FF_SETUP["D"])
    assert path.levels == 2


def test_enables_ports_and_memories_are_ends():
    memory = {"WCLK": [2], "WE": [3], "D": [3], "A0": [3], "DPRA0": [3], "DPO": [40]}
    cells = {
        "a": flip_flop("0", 3),
        "b": flip_flop("0", 6, CE=3),
        "m": ("RAM32X1D", memory),
        "s": ("SRL16E", {"CLK": [2], "D": [3], "CE": ["1"], "A0": ["0"], "Q": [41]}),
    }
    names = {"a": [3], "b": [6], "out": [40], "late": [41]}
    report = sta.analyse(
        netlist(cells, names, {"o": ("output", [40]), "p": ("output", [41])}), "top"
    )
    ends = {path.sink: path.delay for path in report.paths}
    first = sta.FF_OUT + sta.wire_delay(6)
    assert ends["b.CE"] == pytest.approx(first + sta.FF_SETUP["CE"])
    assert ends["m.WE"] == pytest.approx(first + sta.LUTRAM_SETUP["WE"])
    assert ends["o"] == pytest.approx(first + sta.LUT + sta.wire_delay(1))
    assert ends["p"] == pytest.approx(sta.SRL_OUT + sta.wire_delay(1))


def test_what_it_does_not_know_is_an_error():
    with pytest.raises(UserError, match="cells without delays: DSP48E1"):
        sta.analyse(netlist({"d": ("DSP48E1", {})}, {}), "top")
    loop = {"a": flip_flop("0", 3), "x": lut(4, 3, 5), "y": lut(5, 4)}
    with pytest.raises(UserError, match="a loop of logic"):
        sta.analyse(netlist(loop, {}), "top")


@needs_yosys
def test_yosys_netlist_of_an_adder(tmp_path):
    m = Module("adder")
    m.clock()
    a, b = m.pipe("a", m.input("x", 16)), m.pipe("b", m.input("y", 16))
    m.output("sum", m.pipe("total", a + b))
    files = [tmp_path / name for name in verilog_files(design(m))]
    for path in files:
        path.write_text(verilog_files(design(m))[path.name])
    yosys.synth_xilinx(files, "adder", tmp_path / "yosys")
    report = sta.analyse(tmp_path / "yosys" / yosys.NETLIST, "adder")
    path = report.paths[0]
    # Into the chain by a LUT, three CARRY4 up, out of the fourth.
    assert path.source in ("a[0]", "a[1]", "b[0]", "b[1]") and path.sink.startswith("sum")
    assert 2.0 < path.delay < 2.8 and path.levels == 2
    assert [step for step in path.steps if "CI" in step]


def test_period_must_be_positive(tmp_path, capsys):
    assert run_tool(snnc.run, ["synth", str(tmp_path), "--timing", "--period", "0"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
