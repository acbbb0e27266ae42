"""The state memory: what neurons keep from window to window, beside each lane of the drain."""

from __future__ import annotations

from snnir.hardware.language.builder import Module, cat, mux
from snnir.hardware.memories import address_width, ram_1r1w
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables

COLUMNS = ("state_first", "keeps_none")
"""The columns of the layer table: the layer's first row, and whether it keeps nothing."""


def states_module(tables: HardwareTables) -> Module:
    """A memory for each lane, read in front of the neurons and written behind them.

    Ports: `ready` (a layer starts) with its columns; `first` (the window is the first of a sample);
    `active` (a group of channels leaves the shadow), for which `kept` (a row for each lane) comes
    two clocks later, together with the parameters; `valid`, with `written`, what the group keeps.
    `fresh`: the neurons of the layer begin as declared.

    Neurons leave the array in the order in which they lie in the memory, so both addresses count.
    The next layer starts when the last neuron of this one has been written.
    """
    lanes, width, depth = tables.program.array.drain, tables.kept.width, tables.kept.depth
    m = Module("states", doc=f"what {lanes * depth} neurons keep from window to window")
    m.clock()
    desc = tables.layers.inputs(m, COLUMNS)
    ready, first = m.input("ready", 1), m.input("first", 1)
    active, valid = m.input("active", 1), m.input("valid", 1)
    written = m.input("written", lanes * width)
    start = fit(desc["state_first"], address_width(depth))
    rows = []
    for name, steps in (("read", active), ("write", valid)):
        row = m.reg(f"{name}_row", start.width)
        row.next = mux(ready, start, mux(steps, row + 1, row))
        rows.append(row)
    memory = ram_1r1w(width, depth, style="auto")
    found = [
        m.instance(
            f"states{lane}",
            memory,
            we=valid & ~desc["keeps_none"],
            waddr=rows[1],
            wdata=written.bits(lane * width, width),
            raddr=rows[0],
        )["rdata"]
        for lane in range(lanes)
    ]
    m.output("kept", m.pipe("kept", cat(*reversed(found))))
    m.output("fresh", m.wire("begins_anew", desc["keeps_none"] | first))
    return m
