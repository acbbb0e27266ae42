"""The writer: trains in the order of a map become events and pointer entries."""

from __future__ import annotations

from snnir.hardware.builder import Module, cat, mux, select
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables

COLUMNS = ("events", "capacity", "pointers", "pitch")
"""The columns of the layer table that say where a map is kept."""


def writer_module(tables: HardwareTables) -> Module:
    """Appends trains that are not silent to the lists of their banks.

    Ports: `ready` (a layer starts), its columns `COLUMNS`; `valid`, `train`, `last` (channel of a
    pixel), `row_last` (pixel of a row); `event_we` (one bit per bank), `event_address`,
    `event_word` {q, train}; `pointer_we`, `pointer_address`, `counts`.

    Stages: position and bank (1), count of the bank (1), address (1), memory (1). All addresses
    count up, because a map is written in the order in which it lies in the memory.
    """
    array = tables.program.array
    banks, planes = array.banks, array.planes
    m = Module("writer", doc="appends trains to the event lists, pixel by pixel")
    m.clock()
    m.input("rst", 1)
    desc = tables.layers.inputs(m, COLUMNS)
    ready, valid = m.input("ready", 1), m.input("valid", 1)
    train, last, row_last = m.input("train", planes), m.input("last", 1), m.input("row_last", 1)

    bank_bits = (banks - 1).bit_length()
    position_bits = bank_bits + tables.position_bits
    base, position = m.reg("base", position_bits), m.reg("position", position_bits)
    next_base = base + tables.layers.resize("pitch", desc["pitch"], position_bits)
    following = mux(last, mux(row_last, 0, next_base), position + 1)
    position.next = mux(ready, 0, mux(valid, following, position))
    base.next = mux(ready, 0, mux(valid & last, mux(row_last, 0, next_base), base))

    event = m.pipe("event_s1", cat(position[bank_bits:], train))
    some = m.pipe("some_s1", valid & train.any(), reset=0)
    pixel_end = m.pipe("pixel_end_s1", valid & last, reset=0)
    valid, row_end = m.pipe("valid_s1", valid, reset=0), m.pipe("row_last_s1", row_last)
    bank = m.pipe("bank_s1", position[:bank_bits]) if bank_bits else None

    row_start = m.reg("row_start", 1)
    row_start.next = mux(ready, 1, mux(valid, pixel_end & row_end, row_start))
    counts, effective = [], []
    for k in range(banks):
        count = m.reg(f"count{k}", tables.count_bits)
        now = mux(row_start, 0, count)
        hit = some if bank is None else some & bank.eq(k)
        count.next = mux(valid, now + hit.zext(count.width), count)
        counts.append(count)
        effective.append(now)
    row = m.reg("row", tables.event_bits)
    next_row = row + tables.layers.resize("capacity", desc["capacity"], row.width)
    first = tables.layers.resize("events", desc["events"], row.width)
    row.next = mux(ready, first, mux(pixel_end & row_end, next_row, row))

    chosen = effective[0] if bank is None else select(bank, effective)
    count = m.pipe("count_s2", chosen)
    row_address, event = m.pipe("row_s2", row), m.pipe("event_s2", event)
    hits = [some if bank is None else some & bank.eq(k) for k in range(banks)]
    hits = m.pipe("hits_s2", cat(*reversed(hits)), reset=0)
    pointer = m.reg("pointer", tables.pointer_bits)
    write = m.pipe("pixel_end_s2", pixel_end, reset=0)
    first = tables.layers.resize("pointers", desc["pointers"], pointer.width)
    pointer.next = mux(ready, first, mux(write, pointer + 1, pointer))
    m.output("pointer_we", write)
    m.output("pointer_address", pointer)
    m.output("counts", cat(*reversed(counts)))

    m.output("event_we", m.pipe("event_we", hits, reset=0))
    m.output("event_address", m.pipe("event_address", row_address + fit(count, row.width)))
    m.output("event_word", m.pipe("event_word", event))
    return m
