"""The registers of a machine: an AXI4-Lite slave of 32 bits."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from snnir.hardware import counters
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.reconfigurable.faults import STATUS_BITS

ADDRESS_BITS = 8
"""Bits of a byte address: 64 registers."""

VERSION = 1
"""Of the registers and of program images."""

REGISTERS = {
    "identity": 0x00,
    "version": 0x04,
    "control": 0x08,
    "status": 0x0C,
    "program_address": 0x10,
    "program_bytes": 0x14,
    "weights_address": 0x18,
    "weights_bytes": 0x1C,
    "maps_address": 0x20,
    "maps_limit": 0x24,
    "watchdog": 0x28,
}
"""Byte addresses; what each means is told in docs/machine.md."""

WRITTEN = {
    "program_address": 0, "program_bytes": 0, "weights_address": 0, "weights_bytes": 0,
    "maps_address": 0, "maps_limit": 0, "watchdog": 1 << 20,
}  # fmt: skip
"""Registers that only the outside writes, and their values after reset."""

COUNTERS_AT = 0x40
COUNTERS = ("cycles", *(counter.name for counter in counters.COUNTERS))
"""Counters of 32 bits, one behind the other from `COUNTERS_AT`."""

LOAD, ENABLE, RESET = 0, 1, 2
"""Bits of `control`."""

STATE = ("loading", "loaded", "running", "failed", "resetting")
"""Bits of `status` from bit 8 on; the code is below."""

SLAVE_IN = {
    "awaddr": ADDRESS_BITS, "awvalid": 1, "wdata": 32, "wstrb": 4, "wvalid": 1, "bready": 1,
    "araddr": ADDRESS_BITS, "arvalid": 1, "rready": 1,
}  # fmt: skip
SLAVE_OUT = {
    "awready": 1, "wready": 1, "bresp": 2, "bvalid": 1,
    "arready": 1, "rdata": 32, "rresp": 2, "rvalid": 1,
}  # fmt: skip
"""The channels of the slave; protection bits are not looked at."""


def address_of(name: str) -> int:
    """The byte address of a register or counter."""
    if name in COUNTERS:
        return COUNTERS_AT + 4 * COUNTERS.index(name)
    return REGISTERS[name]


def registers_module(identity: int, counted: Iterable[str] = COUNTERS) -> Module:
    """The slave and its registers.

    Ports: the AXI4-Lite channels `SLAVE_IN` and `SLAVE_OUT`; `state` and `code` for `status`, a
    32-bit input for each counter; outputs: those of `WRITTEN`, `enable`, and the pulses `load` and
    `reset`.

    A write is taken when its address and its data are both there and the answer before has left;
    bytes are written as `wstrb` says. Every access is answered with OKAY: what is not there reads
    as 0, and writes to it change nothing.
    """
    m = Module("registers", doc="AXI4-Lite: identity, control, status, addresses, counters")
    m.clock()
    m.input("rst", 1)
    axi = {key: m.input(key, width) for key, width in SLAVE_IN.items()}
    state, code = m.input("state", len(STATE)), m.input("code", STATUS_BITS)

    answered = m.reg("is_answered", 1, reset=0)
    write = m.wire("write", axi["awvalid"] & axi["wvalid"] & ~answered)
    answered.next = write | (answered & ~axi["bready"])
    lanes = [axi["wdata"].bits(8 * i, 8) for i in range(4)]
    word = axi["awaddr"][2:]

    def hit(name: str) -> Signal:
        return write & word.eq(address_of(name) >> 2)

    values: dict[str, Signal] = {}
    for name, initial in WRITTEN.items():
        chosen, parts = m.wire(f"writes_{name}", hit(name)), []
        for i, lane in enumerate(lanes):
            part = m.reg(f"{name}_{i}", 8, reset=initial >> 8 * i & 0xFF)
            part.next = mux(chosen & axi["wstrb"][i], lane, part)
            parts.append(part)
        values[name] = cat(*reversed(parts))
        m.output(name, values[name])
    control = m.wire("writes_control", hit("control") & axi["wstrb"][0])
    enable = m.reg("is_enabled", 1, reset=0)
    enable.next = mux(control, lanes[0][ENABLE], enable)
    m.output("enable", enable)
    for name, bit in (("load", LOAD), ("reset", RESET)):
        m.output(name, m.pipe(f"{name}_now", control & lanes[0][bit], reset=0))

    values["identity"] = m.const(identity, 32)
    values["version"] = m.const(VERSION, 32)
    values["control"] = cat(m.const(0, 30), enable, m.const(0, ENABLE))
    values["status"] = cat(m.const(0, 32 - len(STATE) - STATUS_BITS), state, code)
    for name in counted:
        values[name] = m.input(name, 32)
    asked = axi["araddr"][2:]
    given = m.reg("is_given", 1, reset=0)
    read = m.wire("read", axi["arvalid"] & ~given)
    given.next = read | (given & ~axi["rready"])
    chosen = reduce(
        Signal.__or__,
        [mux(asked.eq(address_of(name) >> 2), value, 0) for name, value in values.items()],
    )
    data = m.reg("read_data", 32)
    data.next = mux(read, chosen, data)
    outputs = {
        "awready": write, "wready": write, "bvalid": answered, "bresp": m.const(0, 2),
        "arready": ~given, "rvalid": given, "rdata": data, "rresp": m.const(0, 2),
    }  # fmt: skip
    for key in SLAVE_OUT:
        m.output(key, outputs[key])
    return m
