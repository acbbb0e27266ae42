"""The mover: rows of feature maps between DDR and the memories of events and pointers."""

from __future__ import annotations

from typing import NamedTuple

from snnir.hardware.columns import bits_of
from snnir.hardware.ddr.loader import ADDRESS_BITS, AXI_IN, AXI_OUT, BURST_BITS, MISPLACED_LAST
from snnir.hardware.emitter import queue
from snnir.hardware.language.builder import Module, Signal, cat, mux, select
from snnir.hardware.memories import address_width
from snnir.hardware.products import fit
from snnir.hardware.reconfigurable.faults import BOUNDS, WRITE_DECERR, WRITE_SLVERR
from snnir.hardware.tables import HardwareTables
from snnir.schedule.loading import BEAT, BURST, OUTSTANDING
from snnir.schedule.moving import BURST_BYTES

PREFIX = "m_axi_maps_"
"""What the names of the pins begin with."""

AXI_WRITE_IN = {"awready": 1, "wready": 1, "bresp": 2, "bvalid": 1}
AXI_WRITE_OUT = ("awaddr", "awlen", "awvalid", "wdata", "wlast", "wvalid", "bready")
AXI_MAPS_IN = AXI_IN | AXI_WRITE_IN
AXI_MAPS_OUT = (*AXI_OUT, *AXI_WRITE_OUT)
"""The channels of the AXI4 master, without what never changes."""

AXI_WRITE_CONSTANTS = {
    "awsize": (3, 3), "awburst": (1, 2), "awcache": (3, 4), "awprot": (0, 3), "wstrb": (0xFF, 8),
}  # fmt: skip

STATUS_BITS = 4

FEED = 32
"""Beats that may be on their way from the memories to the bus: more than the way is long."""

UNIT_BITS = ADDRESS_BITS - address_width(BURST_BYTES)


class _Place(NamedTuple):
    """Where in a row the next beat belongs."""

    pointers: Signal
    events: Signal
    part: Signal | None
    part_last: Signal
    end: Signal
    pointer_address: Signal
    event_address: Signal


def mover_module(tables: HardwareTables) -> Module:
    """An AXI4 read and write master that makes the moves of its table one after another.

    A move starts when the row of the layer table has come before which it stands, and the move in
    front of it has ended; `ended` counts them in an image, for rows that wait.

    Ports: `begins` (an image begins with the next clock), `running`, `layer` (the row of the layer
    table); `base` and `limit` of the maps in DDR; the AXI channels; `halt` (something else has
    failed). `read_pointers`, `read_events`: what the memories hold at `pointer_address` and
    `event_address` (of every bank), a clock later, while `reads`; `pointer_we`, `event_we`, with
    `write_pointer`, `write_event` and the words, of what was loaded. `loads`: the move that runs,
    or ran last, is a load. `status` (0, or what went wrong, until reset) and `failed`. `trace`: a
    load starts, a store starts (each a clock late), a move has ended.

    A burst is asked for only if it lies between base and limit. Behind a fault nothing more is
    asked for; bursts that were are written to their end, and what is read is thrown away.
    """
    array = tables.program.array
    sizes = {
        "pointers": array.banks * tables.count_bits,
        "events": array.banks * (tables.position_bits + array.planes),
    }
    m = Module("mover", doc="rows of feature maps between DDR and the chip")
    m.clock()
    m.input("rst", 1)
    begins, running = m.input("begins", 1), m.input("running", 1)
    layer, halt = m.input("layer", address_width(tables.layers.depth)), m.input("halt", 1)
    base, limit = m.input("base", ADDRESS_BITS), m.input("limit", ADDRESS_BITS)
    axi = {key: m.input(key, width) for key, width in AXI_MAPS_IN.items()}
    words = {key: m.input(f"read_{key}", width) for key, width in sizes.items()}
    status, fails = m.reg("fault", STATUS_BITS, reset=0), m.reg("fails", 1, reset=0)
    stopped = m.wire("stopped", fails | halt)
    active, has_moved = m.reg("active", 1, reset=0), m.reg("has_moved", 1, reset=0)
    begin = m.reg("begin", 1, reset=0)
    free = ~begin & ~active & ~has_moved & ~stopped
    desc, coming, take = _next_move(m, tables, begins, running, free, layer)
    begin.next = take
    store = desc["store"]
    load = ~store

    accept = m.wire("accept", axi["rvalid"])
    answered = m.wire("answered", axi["bvalid"])
    beat = m.reg("beat", BURST_BITS, reset=0)
    burst_end = beat.all()
    done = mux(load, accept & burst_end, answered)
    asking, taken, wanting, under_way, outside = _requests(
        m, tables, desc, begin, active & ~stopped, base, limit, done,
        mux(load, axi["arready"], axi["awready"]),
    )  # fmt: skip
    unit = m.wire("burst_address", cat(outside.address.trunc(UNIT_BITS), _zeros(m)))
    m.output("araddr", unit)
    m.output("arlen", m.const(BURST - 1, 8))
    m.output("arvalid", asking & load)
    m.output("rready", m.const(1, 1))
    m.output("awaddr", unit)
    m.output("awlen", m.const(BURST - 1, 8))
    m.output("awvalid", asking & store)

    # Beats, of one row after another
    feeding, in_way = m.reg("feeding", 1, reset=0), m.reg("in_way", bits_of(0, FEED), reset=0)
    step = m.wire("step", mux(load, accept, feeding & ~in_way.msb))
    place = _sequence(m, tables, desc, begin, step, _beats(sizes))
    feeding.next = (begin & store) | (feeding & ~(step & place.end))

    # To the chip
    most = max(_beats(sizes).values())
    word = axi["rdata"]
    if most > 1:
        held = m.reg("held", BEAT * (most - 1))
        word = cat(word, held)
        held.next = mux(accept, word[BEAT:], held)
    keeps = load & accept & place.part_last & ~stopped
    for key, section in (("pointer", place.pointers), ("event", place.events)):
        size, beats = sizes[f"{key}s"], _beats(sizes)[f"{key}s"]
        m.output(f"{key}_we", m.pipe(f"{key}_write", keeps & section, reset=0))
        m.output(f"write_{key}", m.pipe(f"{key}_row", getattr(place, f"{key}_address")))
        low = BEAT * (most - beats)
        m.output(f"{key}_word", m.pipe(f"{key}_loaded", word.bits(low, size)))

    # To DDR
    m.output("reads", active & store)
    m.output("pointer_address", place.pointer_address)
    m.output("event_address", place.event_address)
    sent = m.wire("sent", 1)
    ahead = _feed(m, place, step & store, words, sent)
    in_way.next = mux(
        begin, 0, mux((step & store) ^ sent, mux(sent, in_way - 1, in_way + 1), in_way)
    )
    owed = m.reg("owed", bits_of(0, BURST * OUTSTANDING), reset=0)
    valid = m.wire("offers", ahead.waiting & owed.any())
    sent.drive(valid & axi["wready"])
    more = mux(taken & store, m.const(BURST, owed.width), m.const(0, owed.width))
    owed.next = owed + more - sent.zext(owed.width)
    beat.next = mux(begin, 0, mux(mux(load, accept, sent), beat + 1, beat))
    m.output("wdata", ahead.head)
    m.output("wlast", burst_end)
    m.output("wvalid", valid)
    m.output("bready", m.const(1, 1))

    # The end
    all_loaded = load & step & place.end
    all_stored = store & answered & ~wanting & ~asking & under_way.eq(1)
    finished = m.wire("finished", active & ~stopped & (all_loaded | all_stored))
    has_moved.next = finished
    ended = m.reg("ended", tables.moved_bits, reset=0)
    ended.next = mux(begins, 0, mux(has_moved, ended + 1, ended))
    m.output("ended", ended)
    m.output("loads", load)
    m.output("trace", cat(has_moved, take & coming["store"], take & ~coming["store"]))
    active.next = begin | (active & ~finished)
    read = mux(
        axi["rresp"].any(), axi["rresp"].zext(STATUS_BITS),
        mux(axi["rlast"] ^ burst_end, m.const(MISPLACED_LAST, STATUS_BITS), 0),
    )  # fmt: skip
    written = select(
        axi["bresp"],
        [m.const(c, STATUS_BITS) for c in (0, MISPLACED_LAST, WRITE_SLVERR, WRITE_DECERR)],
    )
    beyond = mux(active & wanting & outside.flag, m.const(BOUNDS, STATUS_BITS), 0)
    fault = mux(accept & load, read, mux(answered & store, written, beyond))
    fault = m.wire("new_fault", mux(fault.any(), fault, beyond))
    status.next = mux(stopped, status, fault)
    fails.next = fails | (~stopped & fault.any())
    m.output("status", status)
    m.output("failed", fails)
    return m


def _next_move(m, tables, begins, running, free, layer):
    """The move that runs, the next one, and whether that is taken; it begins a clock later.

    Its row of the table is there when the one before ends.
    """
    moves = tables.moves
    index, stale = m.reg("index", tables.moved_bits, reset=0), m.reg("stale", 1, reset=1)
    row = moves.lookup(m, "moves", fit(index, address_width(moves.depth)))
    coming = moves.fields(m, row)
    due = m.reg("due", 1, reset=0)
    take = m.wire("take", due & running & free)
    # Between images the number of the row is that of an earlier one.
    left = running & index.ne(moves.depth) & ~stale & ~take
    due.next = left & layer.uge(fit(coming["before"], layer.width))
    stale.next = begins | take
    index.next = mux(begins, 0, mux(take, index + 1, index))
    held = m.reg("move", row.width, next=row, enable=take)
    return moves.fields(m, held), coming, take


def _beats(sizes: dict[str, int]) -> dict[str, int]:
    """Beats of a pointer entry, and of an event from every bank."""
    return {key: -(-size // BEAT) for key, size in sizes.items()}


def _zeros(m: Module) -> Signal:
    return m.const(0, address_width(BURST_BYTES))


class _Outside(NamedTuple):
    address: Signal
    flag: Signal


def _requests(m, tables, desc, begin, works, base, limit, done, takes):
    """The bursts in turn: block after block, in each its rows as they lie."""
    moves, bits = tables.moves, UNIT_BITS + 1

    def start(key: str, width: int) -> Signal:
        return moves.resize(key, desc[key], width)

    address, block = m.reg("address", bits), m.reg("block_address", bits)
    bursts, blocks = (m.reg(f"{key}_left", moves.width(key)) for key in ("bursts", "blocks"))
    asking, wanting = m.reg("asking", 1, reset=0), m.reg("wanting", 1, reset=0)
    under_way = m.reg("under_way", OUTSTANDING.bit_length(), reset=0)
    first = base[-UNIT_BITS:].zext(bits) + start("first", bits)
    following = block + start("step", bits)
    taken = m.wire("request_taken", asking & takes)
    block_end = bursts.eq(0)
    next_block = taken & block_end
    address.next = mux(begin, first, mux(taken, mux(block_end, following, address + 1), address))
    block.next = mux(begin, first, mux(next_block, following, block))
    again = begin | next_block
    bursts.next = mux(again, desc["bursts"], mux(taken, bursts - 1, bursts))
    blocks.next = mux(begin, desc["blocks"], mux(next_block, blocks - 1, blocks))
    wanting.next = begin | (wanting & ~(next_block & blocks.eq(0)))
    # No burst reaches beyond the limit, and none begins before the base.
    flag = m.wire(
        "is_outside",
        address.uge(limit[-UNIT_BITS:].zext(bits)) | base[:-UNIT_BITS].any(),
    )
    ask = m.wire("ask", works & wanting & ~flag & ~asking & ~under_way.msb)
    asking.next = ask | (asking & ~takes)
    changed = mux(ask, under_way + 1, under_way - 1)
    under_way.next = mux(begin, 0, mux(ask ^ done, changed, under_way))
    return asking, taken, wanting, under_way, _Outside(address, flag)


def _sequence(m, tables, desc, begin, step, beats) -> _Place:
    """Row after row: pointer entries, events, and what fills the last burst."""
    moves = tables.moves
    pointers, events = m.reg("in_pointers", 1), m.reg("in_events", 1)
    width = max(moves.width(key) for key in ("pixels", "groups", "pad"))
    pixels, groups, pad = (
        moves.resize(key, desc[key], width) for key in ("pixels", "groups", "pad")
    )
    left, rows = m.reg("left", width), m.reg("rows_left", moves.width("rows"))
    most, part, part_last = max(beats.values()), None, m.const(1, 1)
    if most > 1:
        part = m.reg("part", address_width(most))
        part_last = mux(
            pointers, part.eq(beats["pointers"] - 1), ~events | part.eq(beats["events"] - 1)
        )
        part.next = mux(begin, 0, mux(step, mux(part_last, 0, part + 1), part))
    done = m.wire("part_of_row_ends", part_last & left.eq(0))
    padded = pad.any()
    row_end = m.wire("row_ends", done & ~pointers & (~events | ~padded))
    to_events, to_pad = done & pointers, done & events & padded
    again = begin | (step & row_end)
    pointers.next = mux(again, 1, mux(step & to_events, 0, pointers))
    events.next = mux(again, 0, mux(step & done, to_events, events))
    count = mux(to_events, groups, mux(to_pad, pad - 1, mux(part_last, left - 1, left)))
    left.next = mux(again, pixels, mux(step, count, left))
    rows.next = mux(begin, desc["rows"], mux(step & row_end, rows - 1, rows))
    addresses = []
    for key, section, bits in (
        ("pointer", pointers, tables.pointer_bits),
        ("event", events, tables.event_bits),
    ):
        first = moves.resize(f"{key}s", desc[f"{key}s"], bits)
        address = m.reg(f"{key}_at", bits)
        address.next = mux(begin, first, mux(step & section & part_last, address + 1, address))
        addresses.append(address)
    return _Place(pointers, events, part, part_last, row_end & rows.eq(0), *addresses)


def _feed(m: Module, place: _Place, step: Signal, words: dict[str, Signal], sent: Signal):
    """From the memories to the bus: a beat of what was read, and a queue of beats."""
    valid = m.pipe("read", step, reset=0)
    pointers, events = m.pipe("read_pointers", place.pointers), m.pipe("read_events", place.events)
    part = None if place.part is None else m.pipe("read_part", place.part)
    beats = {}
    for key, word in words.items():
        count = -(-word.width // BEAT)
        wide = word.zext(count * BEAT)
        parts = [wide.bits(BEAT * i, BEAT) for i in range(count)]
        beats[key] = parts[0] if count == 1 else select(part.trunc((count - 1).bit_length()), parts)
    data = mux(pointers, beats["pointers"], mux(events, beats["events"], m.const(0, BEAT)))
    pushed = m.pipe("push", valid, reset=0)
    return queue(m, "beats", FEED, pushed, m.pipe("push_word", data), sent, 1)
