"""The loader: weights from DDR, burst by burst, into the rings that the banks read."""

from __future__ import annotations

from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.memories import address_width
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables
from snnir.schedule.loading import BEAT, BURST, OUTSTANDING, row_layout

ADDRESS_BITS = 32
BURST_BITS = (BURST - 1).bit_length()
BURST_BYTES = BURST * BEAT // 8

AXI_IN = {"arready": 1, "rdata": BEAT, "rresp": 2, "rlast": 1, "rvalid": 1}
AXI_OUT = ("araddr", "arlen", "arvalid", "rready")
"""The read channels of the AXI4 master, without what never changes."""

AXI_CONSTANTS = {"arsize": (3, 3), "arburst": (1, 2), "arcache": (3, 4), "arprot": (0, 3)}
"""Value and width of those: 8 bytes a beat, INCR, modifiable and bufferable, plain data."""

LOADER_SETTINGS = ("beat_last", "bursts")
"""What the loader has to know of the whole stream."""

STATUS_BITS = 2
MISPLACED_LAST = 1
"""Status of an RLAST that is not where the burst ends; other faults are their RRESP, 2 or 3."""


def axi_prefixes(ports: int) -> list[str]:
    """What the names of a channel's pins begin with, port by port."""
    return ["m_axi_"] if ports == 1 else [f"m_axi{port}_" for port in range(ports)]


def loader_module(tables: HardwareTables, port: int = 0) -> Module:
    """An AXI4 read master, the way from beats to rows, and the count of rows in the ring.

    Ports: `begins` (an image begins with the next clock), `base` (address of the stream, a multiple
    of a burst's bytes), `end_tile` (the last phase of a tile ends); the AXI channels; `we` (one bit
    for each bank of this read port), `address` and `data` of a row's part; `there` (the tile's
    weights are, but for the two clocks behind the end of a tile), `status` (0, or what went wrong,
    until reset) and `failed`. Where there are several ports, `halt`: another one has failed.

    Requests do not wait for room: a full ring lowers RREADY. A beat is of one row, so it is
    written in one clock. Behind a fault nothing more is asked for, and what still comes is thrown
    away.
    """
    array, ring = tables.program.array, tables.program.ring
    layout = row_layout(array)
    name = "loader" if array.ports == 1 else f"loader{port}"
    m = Module(name, doc=f"weights from DDR through a ring of {ring} rows")
    m.clock()
    m.input("rst", 1)
    begin, end_tile = m.input("begins", 1), m.input("end_tile", 1)
    base = m.input("base", ADDRESS_BITS)
    settings = tables.settings.inputs(m, LOADER_SETTINGS)
    axi = {key: m.input(key, width) for key, width in AXI_IN.items()}

    # Beats
    active, status = m.reg("active", 1, reset=0), m.reg("fault", STATUS_BITS, reset=0)
    fails = m.reg("fails", 1, reset=0)
    halts = array.ports > 1 or tables.program.moves
    failed = m.wire("has_failed", fails | m.input("halt", 1) if halts else fails)
    fill = m.reg("fill", address_width(ring) + 1, reset=0)
    takes = active & ~fill.msb
    ready = m.wire("takes_beat", failed | takes)
    accept = m.wire("accept", axi["rvalid"] & ready)
    beat_last = settings["beat_last"]
    beat = m.reg("beat", max(beat_last.width, BURST_BITS))
    beat.next = mux(begin, 0, mux(accept, beat + 1, beat))
    final = beat.eq(fit(beat_last, beat.width))
    burst_end = m.wire("burst_end", final | beat[:BURST_BITS].all())
    misplaced = mux(axi["rlast"] ^ burst_end, MISPLACED_LAST, m.const(0, STATUS_BITS))
    fault = mux(axi["rresp"].any(), axi["rresp"], misplaced)
    status.next = mux(accept & ~failed, fault, status)
    # A bit of its own, because much depends on it in the same clock.
    fails.next = fails | (accept & ~failed & fault.any())
    active.next = begin | (active & ~(accept & final) & ~failed)

    # Requests
    bursts = settings["bursts"]
    left = m.reg("bursts_left", bursts.width, reset=0)
    address = m.reg("burst_address", ADDRESS_BITS - address_width(BURST_BYTES))
    asking = m.reg("asking", 1, reset=0)
    under_way = m.reg("under_way", OUTSTANDING.bit_length(), reset=0)
    # Whether bursts are left is a bit of its own: it is on the way to what stops requests.
    some_left = m.reg("some_left", 1, reset=0)
    ask = m.wire("ask", active & ~failed & ~asking & some_left & ~under_way.msb)
    asking.next = ask | (asking & ~axi["arready"])
    taken = m.wire("request_taken", asking & axi["arready"])
    left.next = mux(begin, bursts, mux(taken, left - 1, left))
    some_left.next = mux(begin, bursts.any(), some_left & ~(taken & left.eq(1)))
    first = base[-address.width :]
    if port:
        # Constant while an image runs, like the base.
        skip = fit(bursts, address.width)
        for _ in range(port - 1):
            skip = skip + fit(bursts, address.width)
        first = m.pipe("first_burst", first + skip)
    address.next = mux(begin, first, mux(taken, address + 1, address))
    done = m.wire("burst_done", accept & burst_end)
    changed = mux(ask, under_way + 1, under_way - 1)
    under_way.next = mux(begin, 0, mux(ask ^ done, changed, under_way))
    m.output("araddr", cat(address, m.const(0, address_width(BURST_BYTES))))
    m.output("arlen", mux(left.eq(1), fit(fit(beat_last, BURST_BITS), 8), m.const(BURST - 1, 8)))
    m.output("arvalid", asking)
    m.output("rready", ready)

    # Rows
    part_last, data = _parts(m, begin, accept, axi["rdata"], layout.beats_per_bank)
    group, groups = None, layout.banks // layout.banks_per_beat
    row_last = part_last
    if groups > 1:
        group = m.reg("group", address_width(groups))
        group.next = mux(begin, 0, mux(accept & part_last, group + 1, group))
        row_last = part_last & group.all()
    # Not by way of `accept`, which is late and goes to much more: a row is counted in this clock.
    row_done = m.wire("row_done", axi["rvalid"] & takes & row_last & ~failed)
    row = m.reg("row", address_width(ring))
    row.next = mux(begin, 0, mux(row_done, row + 1, row))
    write = accept & part_last
    hits = [
        write if group is None else write & group.eq(k // layout.banks_per_beat)
        for k in range(layout.banks)
    ]
    m.output("we", m.pipe("write", cat(*reversed(hits)), reset=0))
    m.output("address", m.pipe("write_address", row))
    m.output("data", m.pipe("write_data", data))

    # Tiles. The rows of a tile are known two clocks behind the end of the one before.
    size = _rows(m, tables, begin, end_tile, fill.width)
    ended = m.pipe("ended", end_tile, reset=0)
    freed = mux(ended, size, m.const(0, fill.width))
    fill.next = mux(begin, 0, fill + row_done.zext(fill.width) - freed)
    m.output("there", size.ule(fill) & ~ended)
    m.output("status", status)
    m.output("failed", fails)
    return m


def _parts(m: Module, begin: Signal, accept: Signal, data: Signal, count: int):
    """Beats of a bank's row side by side: whether this is the last of them, and the word."""
    if count == 1:
        return m.const(1, 1), data
    part = m.reg("part", address_width(count))
    last = part.eq(count - 1)
    part.next = mux(begin, 0, mux(accept, mux(last, 0, part + 1), part))
    held = m.reg("held", BEAT * (count - 1))
    word = cat(data, held)
    held.next = mux(accept, word[BEAT:], held)
    return last, word


def _rows(m: Module, tables: HardwareTables, begin: Signal, end_tile: Signal, width: int) -> Signal:
    """The rows of the tile that runs."""
    table = tables.tile_rows
    if not table.stored:
        return m.const(table.low("rows"), width)
    tile = m.reg("tile", address_width(table.depth))
    # Added, not chosen: the end of a tile comes late in its clock.
    tile.next = mux(begin, 0, tile + end_tile.zext(tile.width))
    word = table.lookup(m, "tile_rows", tile)
    return table.resize("rows", table.fields(m, word)["rows"], width)
