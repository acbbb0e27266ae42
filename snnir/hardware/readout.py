"""The readout: membrane potentials are gathered in channel order, then leave as a stream."""

from __future__ import annotations

from snnir.hardware.builder import Module, mux
from snnir.hardware.memories import ram_1r1w
from snnir.hardware.neuron import resize
from snnir.hardware.tables import HardwareTables

OUTPUT_BITS = 32


def readout_module(tables: HardwareTables) -> Module:
    """The buffer of potentials.

    Ports: `ready` (a layer starts); `valid`, `membrane`, `last` (channel of a tile), `tile_last`
    (pixel of a tile); `send` starts the stream `tdata`, `tvalid`, `tready`, `tlast`; `busy` until
    its last word is taken.

    The array computes a tile of channels pixel by pixel; the buffer is in the order channel, y, x,
    so neighbouring channels lie as far apart as there are pixels.
    """
    program = tables.program
    layer, count, bits = program.layers[-1], program.potentials, tables.potential_bits
    pixels = layer.height * layer.width
    m = Module("readout", doc=f"buffer of {count} membrane potentials")
    m.clock()
    m.input("rst", 1)
    ready, valid = m.input("ready", 1), m.input("valid", 1)
    membrane = m.input("membrane", program.array.membrane_bits)
    last, tile_last = m.input("last", 1), m.input("tile_last", 1)
    send, taken = m.input("send", 1), m.input("tready", 1)

    address = m.reg("address", bits)
    first = m.reg("first", bits)
    new_pixel = valid & last
    # Where the next pixel's first channel lies; behind a tile's last pixel comes the next tile.
    following = mux(tile_last, address + 1, first + 1)
    first.next = mux(ready, 0, mux(new_pixel, following, first))
    step = m.const(pixels % (1 << bits), bits)
    address.next = mux(ready, 0, mux(valid, mux(last, following, address + step), address))

    sending = m.reg("sending", 1, reset=0)
    index = m.reg("index", bits, reset=0)
    offered = m.reg("tvalid", 1, reset=0)
    is_last = index.eq(count - 1)
    go = m.wire("go", offered & taken)
    index.next = mux(send, 0, mux(go, index + 1, index))
    sending.next = send | (sending & ~(go & is_last))
    # The memory answers a clock behind the address, so each word is offered in the clock after.
    fresh = m.pipe("fresh", send | go, reset=0)
    offered.next = (fresh & sending) | (offered & ~go)
    data = m.instance(
        "potentials",
        ram_1r1w(program.array.membrane_bits, count, style="auto"),
        we=valid,
        waddr=address,
        wdata=membrane,
        raddr=index,
    )["rdata"]
    m.output("tdata", resize(data, OUTPUT_BITS))
    m.output("tvalid", offered)
    m.output("tlast", is_last)
    m.output("busy", sending)
    return m
