"""The readout: membrane potentials are gathered in channel order, then leave as a stream."""

from __future__ import annotations

from collections.abc import Mapping

from snnir.hardware.language.builder import Module, Signal, mux, select
from snnir.hardware.memories import ram_1r1w
from snnir.hardware.neuron import resize
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables

OUTPUT_BITS = 32

READOUT_SETTINGS = (
    "potential_last", "pixel_last", "images_behind", "image_potential_last", "image_potential_rows",
)  # fmt: skip
"""What the readout has to know of the program."""


def readout_module(tables: HardwareTables) -> Module:
    """The buffer of potentials.

    Ports: `ready` (a layer starts); `valid`, `membrane` (drain * membrane_bits: a potential per
    lane), `last` (group of a tile), `tile_last` (pixel of a tile); `send` starts the stream
    `tdata`, `tvalid`, `tready`, `tlast`; `busy` until its last word is taken.

    The array computes a tile of channels pixel by pixel; each lane's buffer is in the order group,
    y, x, so neighbouring groups lie as far apart as there are pixels.
    """
    program = tables.program
    bits = tables.potential_bits
    lanes, width = program.array.drain, program.array.membrane_bits
    depth = tables.potential_rows
    m = Module("readout", doc=f"buffer of up to {lanes * depth} membrane potentials")
    m.clock()
    settings = tables.settings.inputs(m, READOUT_SETTINGS)
    start = tables.layers.inputs(m, ["potential_first"])["potential_first"]
    m.input("rst", 1)
    ready, valid = m.input("ready", 1), m.input("valid", 1)
    membrane = m.input("membrane", lanes * width)
    last, tile_last = m.input("last", 1), m.input("tile_last", 1)
    send, taken = m.input("send", 1), m.input("tready", 1)

    address = m.reg("address", bits)
    first = m.reg("first", bits)
    new_pixel = valid & last
    # Where the next pixel's first channel lies; behind a tile's last pixel comes the next tile.
    following = mux(tile_last, address + 1, first + 1)
    start = fit(start, bits)
    first.next = mux(ready, start, mux(new_pixel, following, first))
    step = fit(settings["pixel_last"], bits) + 1
    address.next = mux(ready, start, mux(valid, mux(last, following, address + step), address))

    sending = m.reg("sending", 1, reset=0)
    sent = m.reg("sent", settings["potential_last"].width, reset=0)
    offered = m.reg("tvalid", 1, reset=0)
    is_last = sent.eq(settings["potential_last"])
    go = m.wire("go", offered & taken)
    sent.next = mux(send, 0, mux(go, sent + 1, sent))
    index, lane = sent, None
    if lanes > 1:
        index, lane = _order(m, tables, settings, send, go)
    sending.next = send | (sending & ~(go & is_last))
    # The memory answers a clock behind the address, so each word is offered in the clock after.
    fresh = m.pipe("fresh", send | go, reset=0)
    offered.next = (fresh & sending) | (offered & ~go)
    memory = ram_1r1w(width, depth, style="auto")
    data = [
        m.instance(
            f"potentials{i}",
            memory,
            we=valid,
            waddr=address,
            wdata=membrane.bits(i * width, width),
            raddr=index,
        )["rdata"]
        for i in range(lanes)
    ]
    chosen = data[0] if lane is None else select(lane, data)
    m.output("tdata", resize(chosen, OUTPUT_BITS))
    m.output("tvalid", offered)
    m.output("tlast", is_last)
    m.output("busy", sending)
    return m


def _order(
    m: Module, tables: HardwareTables, settings: Mapping[str, Signal], send: Signal, go: Signal
) -> tuple[Signal, Signal]:
    """Row and lane of the potential to be sent: group by group, in it lane by lane, each y, x.

    Each image of a batch begins anew, behind the rows of the one before.
    """
    program, pixel_last = tables.program, settings["pixel_last"]
    lanes, bits = program.array.drain, tables.potential_bits
    idle = -program.array.channels % lanes
    first, index = m.reg("read_first", bits), m.reg("read", bits)
    lane = m.reg("read_lane", (lanes - 1).bit_length())
    origin = m.const(0, bits)
    if program.batch > 1:
        origin, send = _next_image(m, settings, bits, send, go)
    pixel_left = m.reg("read_left", pixel_last.width)
    last_pixel, last_lane = pixel_left.eq(0), lane.eq(lanes - 1)
    if idle:
        # The last group of a full tile ends with the tile; that of the last tile ends with it all.
        group_left = m.reg("read_groups_left", tables.group_bits)
        last_lane = last_lane | (group_left.eq(0) & lane.eq(lanes - 1 - idle))
    group_end = m.wire("read_group_end", last_pixel & last_lane)
    restart = send | (go & last_pixel)
    pixel_left.next = mux(restart, pixel_last, mux(go, pixel_left - 1, pixel_left))
    lane.next = mux(send | (go & group_end), 0, mux(go & last_pixel, lane + 1, lane))
    first.next = mux(send, origin, mux(go & group_end, index + 1, first))
    back = mux(last_pixel & ~last_lane, first, index + 1)
    index.next = mux(send, origin, mux(go, back, index))
    if idle:
        again = send | (go & group_end & group_left.eq(0))
        counted = mux(go & group_end, group_left - 1, group_left)
        group_left.next = mux(again, tables.groups - 1, counted)
    return index, lane


def _next_image(
    m: Module, settings: Mapping[str, Signal], bits: int, send: Signal, go: Signal
) -> tuple[Signal, Signal]:
    """Where the potentials of the next image begin, and when they are begun."""
    last = settings["image_potential_last"]
    left, behind = m.reg("image_left", last.width), m.reg("behind_image", bits)
    image_end = m.wire("image_end", go & left.eq(0))
    begins = m.wire("image_begins", send | image_end)
    left.next = mux(begins, last, mux(go, left - 1, left))
    origin = mux(send, 0, behind)
    rows = fit(settings["image_potential_rows"], bits)
    behind.next = mux(begins, origin + rows, behind)
    return origin, begins
