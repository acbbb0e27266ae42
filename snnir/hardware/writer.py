"""The writer: trains in the order of a map become events and pointer entries."""

from __future__ import annotations

from functools import reduce

from snnir.hardware.language.builder import Module, Signal, cat, mux, select
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables

COLUMNS = ("events", "capacity", "pointers", "pitch")
"""The columns of the layer table that say where a map is kept."""


def writer_columns(tables: HardwareTables) -> tuple[str, ...]:
    """Those, and whether the map has two places of which windows take one in turn."""
    return (*COLUMNS, "copies") if tables.recurs else COLUMNS


def writer_module(tables: HardwareTables) -> Module:
    """Appends trains that are not silent to the lists of their banks.

    Ports: `ready` (a layer starts), its columns, and the window's `parity` if they say more than
    `COLUMNS`; `valid`, `train` (drain * planes: those
    of neighbouring positions, the first lowest), `alone` (there is one train only, the first),
    `last` (channels of a pixel), `row_last` (pixel of a row); `event_we` (one bit per bank),
    `event_address`, `event_word` {q, train}, for each bank unless one lane writes to all;
    `pointer_we`, `pointer_address`, `counts`.

    Stages: position and bank (1), count of the bank (1), address (1), memory (1). All addresses
    count up, because a map is written in the order in which it lies in the memory. As there are no
    more lanes than banks, neighbouring positions never meet in one.
    """
    array = tables.program.array
    banks, planes, lanes = array.banks, array.planes, array.drain
    m = Module("writer", doc="appends trains to the event lists, pixel by pixel")
    m.clock()
    m.input("rst", 1)
    desc = tables.layers.inputs(m, writer_columns(tables))
    second = desc["copies"] & m.input("parity", 1) if tables.recurs else None
    ready, valid = m.input("ready", 1), m.input("valid", 1)
    word, last, row_last = (
        m.input("train", lanes * planes),
        m.input("last", 1),
        m.input("row_last", 1),
    )

    bank_bits = (banks - 1).bit_length()
    position_bits = bank_bits + tables.position_bits
    base, position = m.reg("base", position_bits), m.reg("position", position_bits)
    next_base = base + tables.layers.resize("pitch", desc["pitch"], position_bits)
    step = m.const(1, position_bits)
    if lanes > 1:
        step = mux(m.input("alone", 1), step, lanes)
    following = mux(last, mux(row_last, 0, next_base), position + step)
    position.next = mux(ready, 0, mux(valid, following, position))
    base.next = mux(ready, 0, mux(valid & last, mux(row_last, 0, next_base), base))

    high, trains = m.pipe("q_s1", position[bank_bits:]), m.pipe("train_s1", word)
    trains = [trains.bits(lane * planes, planes) for lane in range(lanes)]
    some = [
        m.pipe(f"some{lane}_s1", valid & word.bits(lane * planes, planes).any(), reset=0)
        for lane in range(lanes)
    ]
    pixel_end = m.pipe("pixel_end_s1", valid & last, reset=0)
    valid, row_end = m.pipe("valid_s1", valid, reset=0), m.pipe("row_last_s1", row_last)
    bank = m.pipe("bank_s1", position[:bank_bits]) if bank_bits else None

    row_start = m.reg("row_start", 1)
    row_start.next = mux(ready, 1, mux(valid, pixel_end & row_end, row_start))
    if lanes == 1:
        hits = [some[0] if bank is None else some[0] & bank.eq(k) for k in range(banks)]
        events = [cat(high, trains[0])]
    else:
        starts = [m.pipe(f"starts{k}", position[:bank_bits].eq(k)) for k in range(banks)]
        hits, events = _spread(starts, bank, high, trains, some)
    counts, effective = [], []
    for k in range(banks):
        count = m.reg(f"count{k}", tables.count_bits)
        now = mux(row_start, 0, count)
        count.next = mux(valid, now + hits[k].zext(count.width), count)
        counts.append(count)
        effective.append(now)
    row = m.reg("row", tables.event_bits)
    next_row = row + tables.layers.resize("capacity", desc["capacity"], row.width)
    first = tables.layers.resize("events", desc["events"], row.width)
    if second is not None:
        first = first + mux(second, m.const(tables.program.window_stride[0], row.width), 0)
    row.next = mux(ready, first, mux(pixel_end & row_end, next_row, row))

    if lanes == 1 and bank is not None:
        effective = [select(bank, effective)]
    behind = [m.pipe(f"count{i}_s2", count) for i, count in enumerate(effective)]
    events = [m.pipe(f"event{i}_s2", event) for i, event in enumerate(events)]
    row_address, hits = m.pipe("row_s2", row), m.pipe("hits_s2", cat(*reversed(hits)), reset=0)
    pointer = m.reg("pointer", tables.pointer_bits)
    write = m.pipe("pixel_end_s2", pixel_end, reset=0)
    first = tables.layers.resize("pointers", desc["pointers"], pointer.width)
    if second is not None:
        first = first + mux(second, m.const(tables.program.window_stride[1], pointer.width), 0)
    pointer.next = mux(ready, first, mux(write, pointer + 1, pointer))
    m.output("pointer_we", write)
    m.output("pointer_address", pointer)
    m.output("counts", cat(*reversed(counts)))

    m.output("event_we", m.pipe("event_we", hits, reset=0))
    addresses = [row_address + fit(count, row.width) for count in behind]
    m.output("event_address", m.pipe("event_address", cat(*reversed(addresses))))
    m.output("event_word", m.pipe("event_word", cat(*reversed(events))))
    return m


def _spread(
    starts: list[Signal], bank: Signal, high: Signal, trains: list[Signal], some: list[Signal]
) -> tuple[list[Signal], list[Signal]]:
    """For each bank whether it gets an event, and which: lane (k - bank) mod K goes to bank k.

    Args:
        starts: for each bank whether the first lane's position n lies there.
        bank, high: n mod K and n / K.
        some: for each lane, whether its train is not silent.
    """
    banks, next_high = len(starts), high + 1
    hits, events = [], []
    for k in range(banks):
        chosen = [starts[(k - lane) % banks] for lane in range(len(trains))]
        hits.append(reduce(Signal.__or__, [c & s for c, s in zip(chosen, some, strict=True)]))
        train = reduce(
            Signal.__or__, [mux(c, train, 0) for c, train in zip(chosen, trains, strict=True)]
        )
        # Lanes that start behind bank k reach it in the next round.
        place = mux(bank.ugt(k), next_high, high) if k + 1 < len(trains) else high
        events.append(cat(place, train))
    return hits, events


def bank_port(tables: HardwareTables, port: Signal, bank: int) -> Signal:
    """A bank's part of `event_address` or `event_word`."""
    if tables.program.array.drain == 1:
        return port
    width = port.width // tables.program.array.banks
    return port.bits(bank * width, width)
