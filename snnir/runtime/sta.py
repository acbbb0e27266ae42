"""Static timing of a mapped 7-series netlist: longest paths with a stated allowance per wire.

The delays of cells are those of speed grade -1, in nanoseconds: clock to output of a flip-flop,
LUT, set-up times and wide multiplexers as Vivado's timing reports for xc7z020/xc7a35t-1 give them,
carry chains, LUT memories and block RAM as in Project X-Ray's database, which ships with Yosys
(share/xilinx/cells_sim.v).  Nothing is placed, so wires are an allowance: `WIRE` to one or two
sinks and `WIRE_DOUBLING` more each time that the sinks double.  Connections inside a slice cost
nothing: a LUT to the carry chain or multiplexer above it and to its flip-flop, carry to carry.

Ports of the top count as registers outside the design.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnir.errors import UserError

WIRE = 0.75
WIRE_DOUBLING = 0.05
LUT = 0.124
FF_OUT = 0.456
FF_SETUP = {"D": 0.07, "CE": 0.205, "R": 0.524, "S": 0.524, "CLR": 0.524, "PRE": 0.524}
MUXF = {
    "MUXF7": {"I0": 0.217, "I1": 0.223, "S": 0.296},
    "MUXF8": {"I0": 0.104, "I1": 0.094, "S": 0.273},
}
# Columns: to O[0..3], then to CO[0..3]; None where there is no path.
_CARRY_OUT = ("O", "CO")
CARRY = {
    ("CI", 0): ((0.222, 0.334, 0.239, 0.313), (0.271, 0.157, 0.228, 0.117)),
    ("CYINIT", 0): ((0.482, 0.598, 0.584, 0.642), (0.536, 0.494, 0.592, 0.580)),
    ("DI", 0): ((None, 0.407, 0.556, 0.615), (0.379, 0.465, 0.540, 0.526)),
    ("DI", 1): ((None, None, 0.537, 0.596), (None, 0.445, 0.520, 0.520)),
    ("DI", 2): ((None, None, None, 0.438), (None, None, 0.356, 0.398)),
    ("DI", 3): ((None, None, None, None), (None, None, None, 0.385)),
    ("S", 0): ((0.223, 0.400, 0.523, 0.582), (0.340, 0.433, 0.512, 0.532)),
    ("S", 1): ((None, 0.205, 0.558, 0.618), (None, 0.469, 0.548, 0.533)),
    ("S", 2): ((None, None, 0.226, 0.330), (None, None, 0.292, 0.378)),
    ("S", 3): ((None, None, None, 0.227), (None, None, None, 0.380)),
}
LUTRAM_OUT, LUTRAM_SETUP = 1.317, {"WE": 0.654, "A": 0.362, "D": 0.461}
SRL_OUT, SRL_SETUP = 1.631, {"D": 0.173, "CE": 0.205}
BRAM_OUT, BRAM_OUT_REGISTERED = 2.454, 0.882
BRAM_SETUP = {"ADDR": 0.566, "DI": 0.737, "WE": 0.532, "EN": 0.443, "RST": 0.360, "REGCE": 0.360}
CLOCKS = ("C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK")

# What drives a net, as far as the wire behind it depends on that.
_OTHER, _LUT, _CARRY_SUM, _CARRY_OUTPUT, _MUXF7, _MUXF8, _LUT5 = range(7)


def wire_delay(sinks: int) -> float:
    """The allowance for a wire on general routing [ns]."""
    return WIRE + WIRE_DOUBLING * max(0.0, float(np.log2(max(sinks, 1))) - 1.0)


@dataclass(frozen=True)
class TimingPath:
    """A longest path.

    Attributes:
        source, sink: registers at its ends; a sink's pin is named unless it is the data input.
        delay: with clock-to-output and set-up time [ns].
        levels: LUTs and carry chains on it.
        steps: each cell passed, with the number of sinks of the net in front of it.
        alike: ends of paths between registers of these names (but for numbers).
    """

    source: str
    sink: str
    delay: float
    levels: int
    steps: tuple[str, ...]
    alike: int = 1


@dataclass(frozen=True)
class Report:
    """Longest paths, endpoints by the levels of their longest path, nets by fan-out."""

    paths: list[TimingPath]
    worst: float
    endpoints: int
    levels: dict[int, int]
    fanout: list[tuple[str, int]]


class _Graph:
    """Nets as nodes, paths through cells as edges, collected cell by cell."""

    def __init__(self) -> None:
        self.edges: list[tuple[int, int, float, int, str]] = []
        self.starts: dict[int, float] = {}
        self.ends: list[tuple[int, float, str, str]] = []
        self.driver: dict[int, int] = {}
        self.sinks: Counter[int] = Counter()
        self.packed: Counter[tuple[int, str]] = Counter()

    def sink(self, net: object) -> bool:
        if not isinstance(net, int):
            return False
        self.sinks[net] += 1
        return True

    def edge(self, source: object, target: object, delay: float, level: int, pin: str) -> None:
        if isinstance(source, int) and isinstance(target, int):
            self.edges.append((source, target, delay, level, pin))

    def end(self, net: object, setup: float, name: str, pin: str) -> None:
        if self.sink(net):
            self.ends.append((net, setup, name, pin))
            self.packed[net, pin] += 1


def _lut(graph: _Graph, kind: str, pins: dict) -> None:
    outputs = [(p, n[0]) for p, n in pins.items() if p in ("O", "O5", "O6")]
    for (net,) in (n for p, n in pins.items() if p.startswith("I")):
        graph.sink(net)
        for output, target in outputs:
            graph.edge(net, target, LUT, 1, "LUT")
            if isinstance(target, int):
                graph.driver[target] = _LUT5 if output == "O5" else _LUT


def _muxf(graph: _Graph, kind: str, pins: dict) -> None:
    (target,) = pins["O"]
    graph.driver[target] = _MUXF7 if kind == "MUXF7" else _MUXF8
    for pin, delay in MUXF[kind].items():
        graph.sink(pins[pin][0])
        graph.edge(pins[pin][0], target, delay, 0, kind if pin == "S" else f"{kind}.I")


def _carry(graph: _Graph, kind: str, pins: dict) -> None:
    for output, what in (("O", _CARRY_SUM), ("CO", _CARRY_OUTPUT)):
        for net in pins.get(output, ()):
            if isinstance(net, int):
                graph.driver[net] = what
    for (pin, index), rows in CARRY.items():
        nets = pins.get(pin, ())
        if index >= len(nets) or not graph.sink(nets[index]):
            continue
        level = 0 if pin == "CI" else 1
        if pin == "S":
            graph.packed[nets[index], "S"] += 1
        for output, row in zip(_CARRY_OUT, rows, strict=True):
            for target, delay in zip(pins.get(output, ()), row, strict=False):
                if delay is not None:
                    graph.edge(nets[index], target, delay, level, f"CARRY4.{pin}")


def _flip_flop(graph: _Graph, name: str, pins: dict) -> None:
    graph.starts[pins["Q"][0]] = FF_OUT
    for pin, setup in FF_SETUP.items():
        if pin in pins:
            graph.end(pins[pin][0], setup, name, pin)


def _shift_register(graph: _Graph, name: str, pins: dict) -> None:
    for pin, nets in pins.items():
        if pin in ("Q", "Q15", "Q31"):
            graph.starts.update((net, SRL_OUT) for net in nets)
        elif pin in SRL_SETUP:
            graph.end(nets[0], SRL_SETUP[pin], name, pin)
        elif pin.startswith("A"):
            for net in nets:
                graph.sink(net)
                graph.edge(net, pins["Q"][0], LUT, 1, "SRL")


def _lut_memory(graph: _Graph, name: str, kind: str, pins: dict) -> None:
    """RAM..X1D reads DPO by DPRA and SPO by A; RAM32M and RAM64M read DOx by ADDRx."""
    many = kind.endswith("M")
    for pin, nets in pins.items():
        if pin in ("WCLK",):
            continue
        if pin in ("SPO", "DPO", "O") or pin.startswith("DO"):
            graph.starts.update((net, LUTRAM_OUT) for net in nets if isinstance(net, int))
            continue
        if pin.startswith("ADDR"):
            targets = pins.get(f"DO{pin[-1]}", [])
        elif pin.startswith("DPRA"):
            targets = pins.get("DPO", [])
        elif pin.startswith("A"):
            targets = pins.get("SPO", []) or pins.get("O", [])
        else:
            targets = []
        for net in nets:
            graph.sink(net)
            for target in targets:
                graph.edge(net, target, LUT, 1, "LUTRAM")
        if pin == "WE":
            setup = LUTRAM_SETUP["WE"]
        elif pin.startswith("D") and not pin.startswith("DPRA"):
            setup = LUTRAM_SETUP["D"]
        elif pin == "ADDRD" if many else re.fullmatch(r"A\d?", pin):
            setup = LUTRAM_SETUP["A"]
        else:
            continue
        for net in nets:
            if isinstance(net, int):
                graph.ends.append((net, setup, name, pin))


def _block_ram(graph: _Graph, name: str, cell: dict) -> None:
    for pin, nets in cell["connections"].items():
        if cell["port_directions"][pin] == "output":
            registered = cell["parameters"].get(f"DO{'B' if 'B' in pin[2:] else 'A'}_REG", "0")
            delay = BRAM_OUT_REGISTERED if int(str(registered), 2) else BRAM_OUT
            graph.starts.update((net, delay) for net in nets if isinstance(net, int))
        elif pin not in CLOCKS:
            known = [key for key in BRAM_SETUP if pin.startswith(key)]
            setup = BRAM_SETUP[known[0]] if known else BRAM_SETUP["EN"]
            for net in nets:
                graph.end(net, setup, name, pin)


def _collect(module: dict, names: dict[int, str]) -> _Graph:
    graph = _Graph()
    for port in module["ports"].values():
        for net in port["bits"]:
            if port["direction"] == "input" and isinstance(net, int):
                graph.starts[net] = FF_OUT
    unknown: Counter[str] = Counter()
    for name, cell in module["cells"].items():
        kind, pins = cell["type"], cell["connections"]
        if re.fullmatch(r"LUT\d(_2)?|INV", kind):
            _lut(graph, kind, pins)
        elif kind in MUXF:
            _muxf(graph, kind, pins)
        elif kind == "CARRY4":
            _carry(graph, kind, pins)
        elif re.fullmatch(r"FD[RSCP]E(_1)?", kind):
            (state,) = pins["Q"]
            _flip_flop(graph, names.get(state, name), pins)
        elif kind.startswith("SRL"):
            _shift_register(graph, names.get(pins["Q"][0], name), pins)
        elif re.fullmatch(r"RAM\d+(M|X\d+[SD](_1)?)", kind):
            _lut_memory(graph, name, kind, pins)
        elif kind.startswith("RAMB"):
            _block_ram(graph, name, cell)
        elif kind not in ("$scopeinfo", "BUFG", "VCC", "GND"):
            unknown[kind] += 1
    if unknown:
        raise UserError(
            f"cells without delays: {', '.join(sorted(unknown))}", where="the mapped netlist"
        )
    for port, value in module["ports"].items():
        if value["direction"] == "output":
            for net in value["bits"]:
                graph.end(net, 0.0, port, "port")
    return graph


def _wire(graph: _Graph, net: int, pin: str) -> float:
    driver = graph.driver.get(net, _OTHER)
    if pin == "CARRY4.CI" and driver == _CARRY_OUTPUT:
        return 0.0
    if pin == "CARRY4.S" and driver == _LUT and graph.packed[net, "S"] == 1:
        return 0.0
    if pin == "CARRY4.DI" and driver == _LUT5:
        return 0.0
    if (pin, driver) in (("MUXF7.I", _LUT), ("MUXF8.I", _MUXF7)):
        return 0.0
    if pin == "D" and driver != _OTHER and graph.packed[net, "D"] == 1:
        return 0.0
    return wire_delay(graph.sinks[net])


# Names of wires that the printer needed for an operation.
_MADE_UP = re.compile(r"(^|\.)(concat|mux|extract|add|sub|icmp|and|or|xor|replicate)(_\d+)?$")


def _names(module: dict) -> dict[int, str]:
    """For every net its shortest name of the highest scope, rather none that was made up."""
    best: dict[int, tuple[tuple, str]] = {}
    for name, value in module["netnames"].items():
        if "$" in name:
            continue
        bits = value["bits"]
        rank = (_MADE_UP.search(name) is not None, name.count("."), len(name))
        for i, net in enumerate(bits):
            if isinstance(net, int) and (net not in best or rank < best[net][0]):
                best[net] = (rank, f"{name}[{i}]" if len(bits) > 1 else name)
    return {net: name for net, (_, name) in best.items()}


def _alike(name: str) -> str:
    """The name without numbers: bits of a register, and banks, count as one."""
    return re.sub(r"\d+", "*", re.sub(r"\[\d+\]$", "", name))


def analyse(netlist: Path | dict, top: str, count: int = 10) -> Report:
    """Longest paths of a flat netlist that Yosys wrote with `write_json`.

    Args:
        count: paths to describe; paths between equally named registers (but for numbers) are one.

    Raises:
        UserError: the netlist has a cell of another family, or a loop of logic.
    """
    design = json.loads(netlist.read_text()) if isinstance(netlist, Path) else netlist
    module = design["modules"][top]
    names = _names(module)
    graph = _collect(module, names)
    source = np.array([e[0] for e in graph.edges], np.int64)
    target = np.array([e[1] for e in graph.edges], np.int64)
    delay = np.array([e[2] + _wire(graph, e[0], e[4]) for e in graph.edges])
    level = np.array([e[3] for e in graph.edges], np.int64)
    nets = 1 + max([*graph.starts, *target.tolist(), *(net for net, *_ in graph.ends), 0])
    arrival = np.full(nets, -np.inf)
    for net, at in graph.starts.items():
        arrival[net] = at
    for _ in range(1000):
        before = arrival.copy()
        np.maximum.at(arrival, target, arrival[source] + delay)
        if np.array_equal(before, arrival):
            break
    else:
        raise UserError("a loop of logic without a register", where=top)
    # Of the edges into a net the one that decides: the last in order of arrival.
    through = np.full(nets, -1, np.int64)
    if len(source):
        order = np.argsort(arrival[source] + delay, kind="stable")
        reached = order[np.isfinite(arrival[source][order])]
        through[target[reached]] = reached
    starts = np.zeros(nets, bool)
    starts[list(graph.starts)] = True

    def trace(net: int) -> tuple[int, list[int]]:
        steps = []
        while not starts[net] or (
            through[net] >= 0
            and arrival[source[through[net]]] + delay[through[net]] > graph.starts[net]
        ):
            steps.append(through[net])
            net = int(source[through[net]])
        return net, steps[::-1]

    ends = [
        (arrival[net] + _wire(graph, net, pin) + setup, net, name, pin)
        for net, setup, name, pin in graph.ends
        if np.isfinite(arrival[net])
    ]
    ends.sort(key=lambda end: -end[0])
    groups: dict[tuple[str, str], list] = defaultdict(list)
    histogram: Counter[int] = Counter()
    for total, net, name, pin in ends:
        start, steps = trace(net)
        levels = int(level[steps].sum()) if steps else 0
        histogram[levels] += 1
        sink = name if pin in ("D", "port") else f"{name}.{pin}"
        key = (_alike(names.get(start, str(start))), _alike(sink))
        if key in groups:
            groups[key][1] += 1
        elif len(groups) < count:
            passed = [names.get(int(source[s]), "") for s in steps]
            cells = [f"{graph.edges[s][4]}({graph.sinks[int(source[s])]})" for s in steps]
            text = tuple(f"{n} -> {c}" if n else c for n, c in zip(passed, cells, strict=True))
            found = TimingPath(names.get(start, str(start)), sink, total, levels, text)
            groups[key] = [found, 1]
    paths = [
        TimingPath(p.source, p.sink, p.delay, p.levels, p.steps, alike)
        for p, alike in groups.values()
    ]
    widest = [(names.get(net, str(net)), n) for net, n in graph.sinks.most_common(count)]
    return Report(
        paths, ends[0][0] if ends else 0.0, len(ends), dict(sorted(histogram.items())), widest
    )
