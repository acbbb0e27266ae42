"""The read guard: between the masters inside and an AXI read port, so that no burst is orphaned."""

from __future__ import annotations

from snnir.hardware.ddr.loader import AXI_IN, AXI_OUT
from snnir.hardware.language.builder import Module, cat, mux

BEAT_BITS = 9
"""Bits of a number of beats under way: the masters ask for fewer than 512."""


def read_guard_module() -> Module:
    """Two masters share a port; where they are cut off, what is under way comes to its end.

    Ports: `first` (the first of the masters has the port, or else the second); `cut`: the masters
    get nothing more, a request that was offered stays until it is taken, and what comes is thrown
    away; both count from the next clock on; `quiet` (nothing is under way). The channels of the
    masters (`a_...`, `b_...`) and of the port (`m_...`): a master that is not cut off sees the port
    without a clock between.
    """
    m = Module("read_guard", doc="shares an AXI read port, and lets bursts end whatever happens")
    m.clock()
    m.input("rst", 1)
    first, cut = m.input("first", 1), m.input("cut", 1)
    # A register for each, because all that beats do in the same clock hangs on them.
    turns = {"a": m.pipe("a_has_port", first & ~cut), "b": m.pipe("b_has_port", ~first & ~cut)}
    first, cut = m.pipe("first_has_port", first), m.pipe("is_cut", cut)
    widths = {"araddr": 32, "arlen": 8, "arvalid": 1, "rready": 1}
    a, b = ({key: m.input(f"{p}_{key}", widths[key]) for key in AXI_OUT} for p in "ab")
    port = {key: m.input(f"m_{key}", width) for key, width in AXI_IN.items()}
    chosen = {key: mux(first, a[key], b[key]) for key in AXI_OUT}

    offered = cat(chosen["araddr"], chosen["arlen"])
    kept, held = m.reg("kept", offered.width), m.reg("is_held", 1, reset=0)
    valid = m.wire("offers", mux(cut, held, chosen["arvalid"]))
    request = mux(cut, kept, offered)
    kept.next = request
    held.next = valid & ~port["arready"]
    ready = m.wire("takes", cut | chosen["rready"])
    left = m.reg("beats_under_way", BEAT_BITS, reset=0)
    taken, size = valid & port["arready"], request[:8].zext(BEAT_BITS) + 1
    # A clock later each; beats cannot come sooner.
    asked = m.pipe("asked", mux(taken, size, m.const(0, BEAT_BITS)), reset=0)
    came = m.pipe("came", port["rvalid"] & ready, reset=0)
    left.next = left + asked - came.zext(BEAT_BITS)
    m.output("quiet", ~held & ~asked.any() & ~left.any())
    m.output("m_araddr", request[8:])
    m.output("m_arlen", request[:8])
    m.output("m_arvalid", valid)
    m.output("m_rready", ready)
    for prefix, mine in turns.items():
        m.output(f"{prefix}_arready", port["arready"] & mine)
        m.output(f"{prefix}_rvalid", port["rvalid"] & mine)
        for key in ("rdata", "rresp", "rlast"):
            m.output(f"{prefix}_{key}", port[key])
    return m
