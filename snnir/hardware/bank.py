"""One bank's memories: events in and out, and the weights that an event's position leads to."""

from __future__ import annotations

from snnir.hardware.language.builder import Module, cat, mux
from snnir.hardware.map_memory import MapMemory
from snnir.hardware.memories import ram_1r1w
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables


def bank_memory_module(tables: HardwareTables, bank: int) -> Module:
    """Event memory and weight memory of a bank.

    Ports: `valid`, `address`, `origin`, `by_bank`, `upper`, `delay` of an event as the emitter
    gives them;
    `we`, `waddr`, `wdata` {q, train} of the writer; `weights` (a row, all channels) and `train` (0
    where there is no event) three clocks behind `valid`: event memory (1), row (1), weight memory
    (1).
    Where maps are moved, `move_...` of the mover, and `found`, the word that it read. Where weights
    come from DDR, `weights_we`, `weights_waddr`, `weights_wdata` of the loader.
    """
    array = tables.program.array
    m = Module(f"bank{bank}", doc=f"event memory and weight memory of bank {bank}")
    m.clock()
    rows, word = tables.weight_bits, tables.position_bits + array.planes
    valid, address = m.input("valid", 1), m.input("address", tables.event_bits)
    origin = m.input("origin", rows)
    mixed = "by_bank" in tables.runs.stored
    by_bank = m.input("by_bank", 1) if mixed else m.const(tables.runs.high("by_bank"), 1)
    bits = tables.event_bits
    moved = None
    if tables.program.moves:
        sizes = {"we": 1, "waddr": bits, "wdata": word, "reads": 1, "raddr": bits}
        moved = {key: m.input(f"move_{key}", size) for key, size in sizes.items()}
    events = MapMemory(
        word, tables.program.event_depth, tables.program.halves[0], tables.program.first_half[0]
    )
    write = {key: m.input(key, size) for key, size in (("we", 1), ("waddr", bits), ("wdata", word))}
    found = events.build(m, "events", write, {"raddr": address}, moved)
    event = found.array
    if moved:
        m.output("found", found.mover)
    train, position = event[: array.planes], event[array.planes :]
    valid, origin = m.pipe("valid_read", valid), m.pipe("origin_read", origin)
    if tables.runs.high("delay"):
        # The later a step is, the lower is its bit. Some come earlier than a window later.
        delay = m.const(tables.runs.high("delay"), tables.runs.width("delay"))
        if "delay" in tables.runs.stored:
            delay = m.pipe("delay_read", m.input("delay", delay.width))
        if tables.early:
            train = cat(train, m.const(0, tables.early))
        train = train.shr(delay).trunc(array.planes)
    if mixed:
        by_bank = m.pipe("by_bank_read", by_bank)
    if tables.offset_bits:
        # Positions of a run go on behind the last that an event tells.
        upper = m.pipe("upper_read", m.input("upper", 1))
        position = cat(upper & ~position.msb, position)
    interleaved = position
    if array.banks > 1:
        interleaved = cat(position, m.const(bank, (array.banks - 1).bit_length()))
    row = m.pipe("row", origin + mux(by_bank, fit(interleaved, rows), fit(position, rows)))
    gated = m.pipe("gated_train", mux(valid, train, 0))
    if tables.program.ring:
        width = array.channels * array.weight_bits
        memory = ram_1r1w(width, tables.program.ring)
        written = {
            key: m.input(f"weights_{key}", size)
            for key, size in (("we", 1), ("waddr", rows), ("wdata", width))
        }
    else:
        memory, written = tables.weight_memory(bank), {}
    weights = m.instance("weights", memory, raddr=row, **written)["rdata"]
    m.output("weights", weights)
    m.output("train", m.pipe("train", gated))
    return m
