"""The mover in a core: its pins to the outside, and its part in the memories of maps."""

from __future__ import annotations

from collections.abc import Mapping

from snnir.hardware.builder import Module, Signal, cat, mux
from snnir.hardware.loader import ADDRESS_BITS
from snnir.hardware.mover import AXI_MAPS_IN, AXI_MAPS_OUT, PREFIX, STATUS_BITS, mover_module
from snnir.hardware.read_ports import ReadPorts
from snnir.hardware.tables import HardwareTables


class MovePort:
    """What the other units of a core need of the mover before it is there, and then the mover.

    `fails`: it has failed; `done`: a layer that moves rows ends. `events` collects what was read
    from each bank, the first first.
    """

    def __init__(self, m: Module, tables: HardwareTables):
        self.m, self.tables = m, tables
        banks = tables.program.array.banks
        self.word = tables.position_bits + tables.program.array.planes
        widths = {
            "reads": 1, "event_address": tables.event_bits, "pointer_address": tables.pointer_bits,
            "event_we": 1, "write_event": tables.event_bits, "event_word": banks * self.word,
            "pointer_we": 1, "write_pointer": tables.pointer_bits,
            "pointer_word": banks * tables.count_bits, "moved": 1, "failed": 1,
            "status": STATUS_BITS,
        }  # fmt: skip
        self.wires = {key: m.wire(f"move_{key}", width) for key, width in widths.items()}
        self.axi = {key: m.input(f"{PREFIX}{key}", width) for key, width in AXI_MAPS_IN.items()}
        self.base, self.limit = (m.input(f"maps_{key}", ADDRESS_BITS) for key in ("base", "limit"))
        self.fails, self.done = self.wires["failed"], self.wires["moved"]
        self.events: list[Signal] = []
        self.results: Mapping[str, Signal] = {}

    def failed(self, loaded: ReadPorts | None) -> Signal:
        """Whether anything has failed that is in DDR."""
        return self.fails | loaded.failed if loaded else self.fails

    def status(self, loaded: ReadPorts | None) -> Signal:
        """Why, of the mover if it is the one."""
        mine = self.wires["status"]
        return mux(self.fails, mine, loaded.status.zext(mine.width)) if loaded else mine

    def event_address(self, address: Signal) -> Signal:
        """The address that is read in each bank."""
        return mux(self.wires["reads"], self.wires["event_address"], address)

    def event_write(self, bank: int, write: dict[str, Signal]) -> dict[str, Signal]:
        """What is written to a bank's events."""
        loads = self.wires["event_we"]
        return {
            "we": write["we"] | loads,
            "waddr": mux(loads, self.wires["write_event"], write["waddr"]),
            "wdata": mux(
                loads, self.wires["event_word"].bits(bank * self.word, self.word), write["wdata"]
            ),
        }

    def pointer_write(self, write: dict[str, Signal]) -> dict[str, Signal]:
        """What is written to the pointer memory."""
        loads = self.wires["pointer_we"]
        return {
            "we": write["we"] | loads,
            "waddr": mux(loads, self.wires["write_pointer"], write["waddr"]),
            "wdata": mux(loads, self.wires["pointer_word"], write["wdata"]),
        }

    def pointer_read(self, re: Signal, raddr: Signal) -> dict[str, Signal]:
        """What is read from the copy of it that the mover reads."""
        reads = self.wires["reads"]
        return {"re": re | reads, "raddr": mux(reads, self.wires["pointer_address"], raddr)}

    def connect(
        self,
        rst: Signal,
        ready: Signal,
        pointers: Signal,
        columns: Mapping[str, Signal],
        loaded: ReadPorts | None,
    ) -> None:
        """Puts the mover in."""
        self.results = self.m.instance(
            "mover",
            mover_module(self.tables),
            rst=rst,
            ready=ready,
            halt=loaded.failed if loaded else 0,
            base=self.base,
            limit=self.limit,
            read_pointers=pointers,
            read_events=cat(*reversed(self.events)),
            **columns,
            **self.axi,
        )
        for key, wire in self.wires.items():
            wire.drive(self.results[key])

    def outputs(self, m: Module) -> None:
        """The channels."""
        for key in AXI_MAPS_OUT:
            m.output(f"{PREFIX}{key}", self.results[key])
