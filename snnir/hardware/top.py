"""The top level: the core as a peripheral with AXI ports."""

from __future__ import annotations

from snnir.hardware.core import STREAM_IN
from snnir.hardware.ddr import mover
from snnir.hardware.ddr.loader import ADDRESS_BITS, AXI_CONSTANTS, AXI_IN, AXI_OUT, axi_prefixes
from snnir.hardware.language import netlist
from snnir.hardware.language.builder import Module
from snnir.hardware.readout import OUTPUT_BITS


def top_module(core: Module, name: str, *, trace: bool = False) -> Module:
    """The core as a peripheral: AXI names, an active-low reset, traces if asked for."""
    m = Module(name, doc="AXI4-Stream in (bytes of an image) and out (membrane potentials)")
    m.clock("aclk")
    reset = ~m.input("aresetn", 1)
    inputs = {f"s_{key}": m.input(f"s_axis_{key}", width) for key, width in STREAM_IN.items()}
    names = netlist.input_names(core.build())
    streams, moves = "weights_base" in names, "maps_base" in names
    prefixes = axi_prefixes(sum(name.endswith("_arready") for name in names) - moves)
    if moves:
        pins = {f"{mover.PREFIX}{key}": width for key, width in mover.AXI_MAPS_IN.items()}
        pins |= dict.fromkeys(("maps_base", "maps_limit"), ADDRESS_BITS)
        inputs |= {key: m.input(key, width) for key, width in pins.items()}
    if streams:
        for p in prefixes:
            inputs |= {f"{p}{key}": m.input(f"{p}{key}", width) for key, width in AXI_IN.items()}
        inputs["weights_base"] = m.input("weights_base", ADDRESS_BITS)
    if "s_tuser" in names:
        inputs["s_tuser"] = m.input("s_axis_tuser", 1)
    ports = netlist.output_names(core.build())
    results = m.instance("core", core, rst=reset, m_tready=m.input("m_axis_tready", 1), **inputs)
    m.output("s_axis_tready", results["s_tready"])
    for key in ("tdata", "tvalid", "tlast"):
        m.output(f"m_axis_{key}", results[f"m_{key}"])
    assert results["m_tdata"].width == OUTPUT_BITS
    m.output("cycles", results["cycles"])
    m.output("running", results["running"])
    if streams:
        for prefix in prefixes:
            for key in AXI_OUT:
                m.output(f"{prefix}{key}", results[f"{prefix}{key}"])
            for key, (value, width) in AXI_CONSTANTS.items():
                m.output(f"{prefix}{key}", m.const(value, width))
    if moves:
        for key in mover.AXI_MAPS_OUT:
            m.output(f"{mover.PREFIX}{key}", results[f"{mover.PREFIX}{key}"])
        for key, (value, width) in (AXI_CONSTANTS | mover.AXI_WRITE_CONSTANTS).items():
            m.output(f"{mover.PREFIX}{key}", m.const(value, width))
    if streams or moves:
        m.output("status", results["status"])
    for key in ports:
        if key.startswith("counter_") or (trace and key.startswith("trace_")):
            m.output(key, results[key])
    return m
