"""The AXI4-Lite slave and the read guard, each alone."""

import zlib

import numpy as np

from snnir.hardware.ddr.read_guard import read_guard_module
from snnir.hardware.language.builder import Module, design
from snnir.hardware.reconfigurable.crc import START, crc_step
from snnir.hardware.reconfigurable.registers import (
    COUNTERS,
    LOAD,
    RESET,
    address_of,
    registers_module,
)
from snnir.interpreters.comb import Simulator


def simulator(m: Module) -> Simulator:
    return Simulator(next(iter(design(m).body.block.ops)))


class Slave:
    """The registers, driven as a master drives them."""

    def __init__(self):
        self.sim = simulator(registers_module(0x12345678))
        self.idle = dict.fromkeys(
            ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid",
             "rready", "rst"), 0,
        )  # fmt: skip
        self.idle |= {"state": 0b10010, "code": 0x5A} | {name: 7 for name in COUNTERS}
        self.step(rst=1)

    def step(self, **pins) -> dict[str, int]:
        return self.sim.step(self.idle | pins)

    def write(self, address: int, data: int, strobes: int = 15) -> None:
        request = {"awaddr": address, "awvalid": 1, "wdata": data, "wstrb": strobes}
        # The address alone is not taken, nor is anything while the last answer waits.
        assert self.step(**request)["awready"] == 0
        assert self.step(**request, wvalid=1)["awready"] == 1
        for _ in range(2):
            out = self.step(**request, wvalid=1)
            assert (out["awready"], out["bvalid"], out["bresp"]) == (0, 1, 0)
        assert self.step(bready=1)["bvalid"] == 1
        assert self.step()["bvalid"] == 0

    def read(self, address: int) -> int:
        assert self.step(araddr=address, arvalid=1)["arready"] == 1
        first = self.step(araddr=0, arvalid=1)
        assert (first["arready"], first["rvalid"], first["rresp"]) == (0, 1, 0)
        out = self.step(rready=1)
        assert out["rdata"] == first["rdata"] and self.step()["rvalid"] == 0
        return out["rdata"]


def test_registers_keep_what_is_written():
    slave = Slave()
    address = address_of("program_address")
    slave.write(address, 0xDEADBE80)
    assert slave.read(address) == 0xDEADBE80
    slave.write(address, 0x11223344, strobes=0b0110)
    assert slave.read(address) == 0xDE223380
    assert slave.step()["program_address"] == 0xDE223380
    assert slave.read(address_of("identity")) == 0x12345678
    assert slave.read(address_of("status")) == 0x1200 | 0x5A
    assert slave.read(address_of("watchdog")) == 1 << 20
    assert [slave.read(address_of(name)) for name in COUNTERS] == [7] * len(COUNTERS)
    # What is not there, and what cannot be written.
    slave.write(0xFC, 1)
    slave.write(address_of("identity"), 1)
    assert slave.read(0xFC) == 0 and slave.read(address_of("identity")) == 0x12345678


def test_load_and_reset_are_pulses():
    slave = Slave()
    for bit, name in ((LOAD, "load"), (RESET, "reset")):
        request = {"awaddr": address_of("control"), "awvalid": 1, "wvalid": 1, "wstrb": 15}
        seen = [slave.step(**request, wdata=1 << bit | 2)[name]]
        seen += [slave.step(bready=1)[name] for _ in range(3)]
        assert seen == [0, 1, 0, 0]
        assert slave.read(address_of("control")) == 2


def test_guard_lets_bursts_end():
    """A request that is cut off stays until it is taken; its beats are thrown away."""
    sim = simulator(read_guard_module())
    idle = {f"{p}_{k}": 0 for p in "ab" for k in ("araddr", "arlen", "arvalid", "rready")}
    idle |= {"m_arready": 0, "m_rdata": 5, "m_rresp": 0, "m_rlast": 0, "m_rvalid": 0}
    idle |= {"first": 0, "cut": 0, "rst": 0}
    sim.step(idle | {"rst": 1})
    ask = {"b_araddr": 0x1000, "b_arlen": 3, "b_arvalid": 1}
    out = sim.step(idle | ask)
    assert (out["m_arvalid"], out["m_araddr"], out["b_arready"]) == (1, 0x1000, 0)
    # Masters are still there in the clock in which they are cut off.
    assert sim.step(idle | ask | {"cut": 1})["m_arvalid"] == 1
    for _ in range(2):
        out = sim.step(idle | {"cut": 1})
        assert (out["m_arvalid"], out["m_araddr"], out["m_arlen"]) == (1, 0x1000, 3)
        assert out["quiet"] == 0
    out = sim.step(idle | {"cut": 1, "m_arready": 1})
    assert out["m_arvalid"] == 1 and out["b_arready"] == 0
    for _ in range(4):
        out = sim.step(idle | {"cut": 1, "m_rvalid": 1})
        assert (out["m_rready"], out["b_rvalid"], out["quiet"]) == (1, 0, 0)
    assert sim.step(idle | {"cut": 1})["quiet"] == 0
    assert sim.step(idle)["quiet"] == 1
    # Uncut a clock ago, a master sees the port at once.
    out = sim.step(idle | ask | {"m_arready": 1, "m_rvalid": 1, "b_rready": 1})
    assert (out["b_arready"], out["b_rvalid"], out["a_rvalid"], out["m_rready"]) == (1, 1, 0, 1)


def test_checksum_is_that_of_zlib():
    m = Module("crc")
    m.output("next", crc_step(m.input("state", 32), m.input("data", 32)))
    sim, state = simulator(m), START
    words = np.random.default_rng(3).integers(0, 1 << 32, 20, np.uint32)
    for word in words:
        state = sim.step({"state": state, "data": int(word)})["next"]
    assert state ^ START == zlib.crc32(words.tobytes())
