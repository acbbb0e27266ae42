"""The image: bytes from the stream into a buffer, and the passes that turn them into maps."""

from __future__ import annotations

from snnir.hardware.drain import delayed
from snnir.hardware.language.builder import Module, cat, mux, select
from snnir.hardware.memories import address_width, ram_1r1w
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables

COLUMNS = ("receive", "received_last", "channel_last", "x_end", "word", "image_first")
"""The columns of the layer table that a pass over the image reads."""


def image_module(tables: HardwareTables) -> Module:
    """The image buffer; it takes the images of a batch one behind the other, as if they were one.

    A stream of bytes (`tdata`, `tvalid`, `tready`, `tlast`) fills it in the order y, x, channel; a
    `tlast` that comes too early starts the image anew. `full` from its last byte until
    `release_image`. A pass: `ready` (a layer starts) with the layer's columns; then each clock a
    `train`, with `valid`, `last` (channel of a pixel), `row_last` (pixel of a row). Where anything
    is kept for the next window, `tuser` with the first byte says that the image is the `first`
    window of a sample. With levels the words are parts of the train that a pixel's comparisons with
    them make.
    """
    depth = tables.image_bytes
    bits, planes = tables.program.image_bits, tables.program.array.planes
    m = Module("image", doc=f"buffer of an image of {depth} bytes")
    m.clock()
    m.input("rst", 1)
    desc = tables.layers.inputs(m, COLUMNS)
    last_byte = tables.settings.inputs(m, ["image_last"])["image_last"]
    ready, release = m.input("ready", 1), m.input("release_image", 1)
    data, arrives, ends = m.input("tdata", 8), m.input("tvalid", 1), m.input("tlast", 1)

    full = m.reg("is_full", 1, reset=0)
    accept = m.wire("accept", arrives & ~full)
    write = m.reg("write", address_width(depth), reset=0)
    complete = m.wire("complete", accept & write.eq(fit(last_byte, write.width)))
    write.next = mux(accept, mux(complete | ends, 0, write + 1), write)
    full.next = complete | (full & ~release)

    active, read = m.reg("active", 1, reset=0), m.reg("read", address_width(depth))
    left = m.reg("channels_left", tables.layers.width("channel_last"))
    column = m.reg("columns_left", tables.layers.width("x_end"))
    last_channel, last_column = left.eq(0), column.eq(0)
    pixel_end = last_channel | ready
    passed = read
    if "image_first" in tables.layers.stored:
        passed = m.reg("passed", tables.layers.width("received_last"))
        passed.next = mux(ready, 0, passed + 1)
    active.next = (ready & desc["receive"]) | (
        active & passed.ne(fit(desc["received_last"], passed.width))
    )
    read.next = mux(ready, fit(desc["image_first"], read.width), read + 1)
    left.next = mux(pixel_end, desc["channel_last"], left - 1)
    next_column = mux(last_column, desc["x_end"], column - 1)
    column.next = mux(ready, desc["x_end"], mux(last_channel, next_column, column))

    memory = ram_1r1w(bits, depth)
    pixel = m.instance(
        "buffer", memory, we=accept, waddr=write, wdata=data.trunc(bits), raddr=read
    )["rdata"]
    if tables.levels:
        pixel = cat(*[pixel.ugt(level) for level in tables.levels])
    parts = [pixel.bits(shift, size).zext(planes) for shift, size in tables.words]
    train = parts[0]
    if len(parts) > 1:
        train = select(fit(desc["word"], (len(parts) - 1).bit_length()), parts)
    m.output("tready", ~full)
    m.output("full", full)
    if tables.begins_samples:
        begins = accept & write.eq(0)
        m.output("first", m.reg("is_first", 1, next=m.input("tuser", 1), enable=begins))
    m.output("valid", delayed(m, "valid", active, 2, reset=0))
    m.output("train", m.pipe("train", train))
    flags = delayed(m, "flags", cat(last_channel, last_column), 2)
    m.output("last", flags[1])
    m.output("row_last", flags[0])
    return m
