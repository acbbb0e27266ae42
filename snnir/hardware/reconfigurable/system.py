"""The system: a core whose program is data, with registers, program loader, faults and watchdog."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from snnir.hardware.core import TRACES, core_module
from snnir.hardware.ddr.loader import AXI_CONSTANTS, AXI_IN, AXI_OUT, axi_prefixes
from snnir.hardware.ddr.read_guard import read_guard_module
from snnir.hardware.language import netlist
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.reconfigurable import faults
from snnir.hardware.reconfigurable.image_format import program_ports
from snnir.hardware.reconfigurable.program_loader import program_loader_module
from snnir.hardware.reconfigurable.registers import COUNTERS, SLAVE_IN, SLAVE_OUT, registers_module
from snnir.hardware.reconfigurable.tables import MachineTables

if TYPE_CHECKING:
    from snnir.dialects.snn import NeuronOp
    from snnir.hardware.reconfigurable.machine import Machine

STREAM_IN = {"tdata": 8, "tvalid": 1, "tlast": 1}


def system_module(
    machine: Machine, neurons: Mapping[str, NeuronOp], lanes: str = "portable"
) -> Module:
    """A machine that runs whatever program it is given.

    Ports: `clk`, `rst`; the AXI4-Lite slave `s_axi_...`; the AXI4 read master `m_axi_...`, or
    several, `m_axi0_...` and so on; the streams `s_t...` and `m_t...`; and the core's `TRACES`,
    `running` and `cycles`.

    A fault (a status that is not 0) ends what runs and asks for nothing more, until a load or a
    reset is asked for. Both first let the bursts come to their end that are under way, then the
    core starts from its reset; a load fetches the program then.
    """
    tables = MachineTables(machine)
    core = core_module(tables, neurons, lanes)
    m = Module("system", doc=f"a machine chosen for {machine.name}: registers, programs, core")
    m.clock()
    rst = m.input("rst", 1)
    slave = {key: m.input(f"s_axi_{key}", width) for key, width in SLAVE_IN.items()}
    prefixes = axi_prefixes(machine.array.ports)
    ports = [
        {key: m.input(f"{prefix}{key}", width) for key, width in AXI_IN.items()}
        for prefix in prefixes
    ]
    stream = {key: m.input(f"s_{key}", width) for key, width in STREAM_IN.items()}
    taken = m.input("m_tready", 1)

    # Registers
    state, code = m.wire("state", 5), m.wire("code", faults.STATUS_BITS)
    counters = {key: m.wire(f"counter_{key}", 32) for key in COUNTERS}
    registers = m.instance(
        "registers",
        registers_module(machine.identity),
        rst=rst,
        state=state,
        code=code,
        **counters,
        **slave,
    )
    for key in SLAVE_OUT:
        m.output(f"s_axi_{key}", registers[key])

    # Starting anew
    quiet = m.wire("bus_is_quiet", 1)
    again = m.wire("starts_anew", registers["load"] | registers["reset"])
    clearing, to_load = m.reg("clearing", 1, reset=0), m.reg("to_load", 1, reset=0)
    cleared = m.wire("cleared", clearing & quiet)
    clearing.next = again | (clearing & ~cleared)
    to_load.next = registers["load"] | (to_load & ~cleared)
    start = m.pipe("load_now", cleared & to_load & ~again, reset=0)
    code_now = m.reg("fault", faults.STATUS_BITS, reset=0)
    # A bit of its own, because much depends on it in the same clock.
    failed = m.reg("has_failed", 1, reset=0)

    # Program
    a, *b = (
        {key: m.wire(f"{who}_{key}", w) for key, w in AXI_IN.items()}
        for who in ("program", *(f"weights{port}" for port in range(len(ports))))
    )
    program = m.instance(
        "program",
        program_loader_module(tables),
        rst=rst,
        start=start,
        stop=failed,
        base=registers["program_address"],
        bytes=registers["program_bytes"],
        weight_bytes=registers["weights_bytes"],
        **a,
    )
    loaded = program["loaded"]
    resets = m.wire("resets_core", clearing | start | program["loading"] | ~loaded | rst)
    core_rst = m.pipe("core_reset", resets)

    # Core. Its reset has many sinks; nothing else waits for it.
    works = m.pipe("core_works", ~resets)
    results = m.instance(
        "core",
        core,
        rst=core_rst,
        enable=registers["enable"],
        stop=failed,
        weights_base=registers["weights_address"],
        m_tready=taken & works,
        s_tvalid=stream["tvalid"] & works,
        s_tdata=stream["tdata"],
        s_tlast=stream["tlast"],
        **{key: program[key] for key in program_ports(tables)},
        **{f"{p}{key}": b[i][key] for i, p in enumerate(prefixes) for key in AXI_IN},
    )
    m.output("s_tready", results["s_tready"] & works)
    m.output("m_tvalid", results["m_tvalid"] & works)
    m.output("m_tdata", results["m_tdata"])
    m.output("m_tlast", results["m_tlast"])

    # The buses; programs come through the first
    cut = clearing | failed | ~works & ~program["loading"]
    unit, guards = read_guard_module(), []
    for index, (prefix, port) in enumerate(zip(prefixes, ports, strict=True)):
        guard = m.instance(
            f"reads{index}",
            unit,
            rst=rst,
            first=program["loading"],
            cut=cut,
            **{f"a_{key}": m.const(0, program[key].width) if index else program[key]
               for key in AXI_OUT},
            **{f"b_{key}": results[f"{prefix}{key}"] for key in AXI_OUT},
            **{f"m_{key}": port[key] for key in AXI_IN},
        )  # fmt: skip
        for key in AXI_OUT:
            m.output(f"{prefix}{key}", guard[f"m_{key}"])
        for key, wire in b[index].items():
            wire.drive(guard[f"b_{key}"])
        guards.append(guard)
    for key, wire in a.items():
        wire.drive(guards[0][f"a_{key}"])
    quiet.drive(reduce(Signal.__and__, [guard["quiet"] for guard in guards]))

    # Watchdog
    moves = [
        *(g["m_arvalid"] & port["arready"] for g, port in zip(guards, ports, strict=True)),
        *(g["m_rready"] & port["rvalid"] for g, port in zip(guards, ports, strict=True)),
        results["trace_events"].any(),
        results["trace_fire"],
        results["trace_store"],
        results["trace_layer_end"],
    ]
    moved = m.pipe("moved", reduce(Signal.__or__, moves), reset=0)
    running = results["running"]
    watches = m.pipe("watches", (running & works) | program["loading"], reset=0)
    still, limit = m.reg("still", 32, reset=0), registers["watchdog"]
    still.next = mux(watches & ~moved & ~failed, still + 1, 0)
    expired = m.pipe("expired", watches & limit.any() & still.uge(limit), reset=0)

    # Status
    weights = mux(works, results["status"], 0).zext(faults.STATUS_BITS)
    found = mux(expired, faults.WATCHDOG, m.const(0, faults.STATUS_BITS))
    found = mux(weights.any(), weights, found)
    found = mux(program["status"].any(), program["status"], found)
    anew = again | clearing | start
    code_now.next = mux(anew, 0, mux(failed, code_now, found))
    failed.next = ~anew & (failed | program["status"].any() | weights.any() | expired)
    code.drive(code_now)
    # Until a fault can be seen, too.
    loading = reduce(
        Signal.__or__,
        [to_load, start, program["loading"], m.pipe("was_loading", program["loading"], reset=0)],
    )
    state.drive(cat(clearing, failed, running & works, loaded & ~clearing, loading))

    # Counters
    counters["cycles"].drive(results["cycles"])
    images = m.reg("images", 32, reset=0)
    sent = results["m_tvalid"] & results["m_tlast"] & taken & works
    images.next = mux(sent, images + 1, images)
    counters["images"].drive(images)

    for key in COUNTERS:
        if key not in ("cycles", "images"):
            counters[key].drive(results[f"counter_{key}"])

    for key in ("running", "cycles"):
        m.output(key, results[key])
    for key in TRACES:
        m.output(f"trace_{key}", results[f"trace_{key}"])
    return m


def system_top_module(system: Module, name: str, *, trace: bool = False) -> Module:
    """The system as a peripheral: AXI names, an active-low reset, traces if asked for."""
    m = Module(name, doc="AXI4-Lite registers, an AXI4 read master, and AXI4-Stream in and out")
    m.clock("aclk")
    reset = m.pipe("reset", ~m.input("aresetn", 1))
    inputs = {f"s_{key}": m.input(f"s_axis_{key}", width) for key, width in STREAM_IN.items()}
    names = netlist.input_names(system.build())
    prefixes = axi_prefixes(sum(name.endswith("_arready") and name[:1] == "m" for name in names))
    for p in prefixes:
        inputs |= {f"{p}{key}": m.input(f"{p}{key}", width) for key, width in AXI_IN.items()}
    inputs |= {f"s_axi_{key}": m.input(f"s_axi_{key}", width) for key, width in SLAVE_IN.items()}
    results = m.instance(
        "system", system, rst=reset, m_tready=m.input("m_axis_tready", 1), **inputs
    )
    m.output("s_axis_tready", results["s_tready"])
    for key in ("tdata", "tvalid", "tlast"):
        m.output(f"m_axis_{key}", results[f"m_{key}"])
    for key in SLAVE_OUT:
        m.output(f"s_axi_{key}", results[f"s_axi_{key}"])
    for prefix in prefixes:
        for key in AXI_OUT:
            m.output(f"{prefix}{key}", results[f"{prefix}{key}"])
        for key, (value, width) in AXI_CONSTANTS.items():
            m.output(f"{prefix}{key}", m.const(value, width))
    for key in TRACES if trace else ():
        m.output(f"trace_{key}", results[f"trace_{key}"])
    return m
