"""The mover in a core: its pins to the outside, and its part in the memories of maps."""

from __future__ import annotations

from collections.abc import Mapping

from snnir.hardware.ddr.loader import ADDRESS_BITS
from snnir.hardware.ddr.mover import AXI_MAPS_IN, AXI_MAPS_OUT, PREFIX, STATUS_BITS, mover_module
from snnir.hardware.ddr.read_ports import ReadPorts
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.tables import HardwareTables


class MovePort:
    """What the other units of a core need of the mover before it is there, and then the mover.

    `fails`: it has failed; `ended`: so many moves have ended; `loads`: it loads rows, or has done
    so last. `events` collects what was read from each bank, the first first.
    """

    def __init__(self, m: Module, tables: HardwareTables):
        self.m, self.tables = m, tables
        banks = tables.program.array.banks
        self.word = tables.position_bits + tables.program.array.planes
        widths = {
            "reads": 1, "event_address": tables.event_bits, "pointer_address": tables.pointer_bits,
            "event_we": 1, "write_event": tables.event_bits, "event_word": banks * self.word,
            "pointer_we": 1, "write_pointer": tables.pointer_bits,
            "pointer_word": banks * tables.count_bits, "failed": 1, "status": STATUS_BITS,
            "ended": tables.moved_bits, "loads": 1, "trace": 3,
        }  # fmt: skip
        self.wires = {key: m.wire(f"move_{key}", width) for key, width in widths.items()}
        self.axi = {key: m.input(f"{PREFIX}{key}", width) for key, width in AXI_MAPS_IN.items()}
        self.base, self.limit = (m.input(f"maps_{key}", ADDRESS_BITS) for key in ("base", "limit"))
        self.fails, self.ended = self.wires["failed"], self.wires["ended"]
        self.loads, self.trace = self.wires["loads"], self.wires["trace"]
        self.events: list[Signal] = []
        self.results: Mapping[str, Signal] = {}

    def failed(self, loaded: ReadPorts | None) -> Signal:
        """Whether anything has failed that is in DDR."""
        return self.fails | loaded.failed if loaded else self.fails

    def status(self, loaded: ReadPorts | None) -> Signal:
        """Why, of the mover if it is the one."""
        mine = self.wires["status"]
        return mux(self.fails, mine, loaded.status.zext(mine.width)) if loaded else mine

    def bank_pins(self, bank: int) -> dict[str, Signal]:
        """What a bank's memory of events is given."""
        return {
            "move_we": self.wires["event_we"],
            "move_waddr": self.wires["write_event"],
            "move_wdata": self.wires["event_word"].bits(bank * self.word, self.word),
            "move_reads": self.wires["reads"],
            "move_raddr": self.wires["event_address"],
        }

    def pointer_pins(self, reads: bool) -> dict[str, Signal]:
        """What a copy of the pointer memory is given; the mover `reads` one of them."""
        pins = {
            "we": self.wires["pointer_we"],
            "waddr": self.wires["write_pointer"],
            "wdata": self.wires["pointer_word"],
        }
        if reads:
            pins |= {"reads": self.wires["reads"], "raddr": self.wires["pointer_address"]}
        return pins

    def connect(
        self,
        rst: Signal,
        ctrl: Mapping[str, Signal],
        pointers: Signal,
        loaded: ReadPorts | None,
    ) -> None:
        """Puts the mover in, which is told by the control unit what runs."""
        self.results = self.m.instance(
            "mover",
            mover_module(self.tables),
            rst=rst,
            begins=ctrl["begins"],
            running=ctrl["running"],
            layer=ctrl["layer"],
            halt=loaded.failed if loaded else 0,
            base=self.base,
            limit=self.limit,
            read_pointers=pointers,
            read_events=cat(*reversed(self.events)),
            **self.axi,
        )
        for key, wire in self.wires.items():
            wire.drive(self.results[key])

    def outputs(self, m: Module) -> None:
        """The channels."""
        for key in AXI_MAPS_OUT:
            m.output(f"{PREFIX}{key}", self.results[key])
