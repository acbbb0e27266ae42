"""The read ports of a core: a loader for each, and what comes from all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from snnir.hardware.ddr.loader import ADDRESS_BITS, AXI_IN, AXI_OUT, axi_prefixes, loader_module
from snnir.hardware.language.builder import Module, Signal, mux
from snnir.hardware.tables import HardwareTables
from snnir.schedule.loading import row_layout


class ReadPorts:
    """The loaders in a core, with their pins to the outside.

    `ready`: all of them have the rows of the tile that runs; `failed`: one of them has failed, and
    by that all have stopped; `status`: why, of the first port that has.

    Args:
        also: what else may fail, and stops the loaders.
        inputs: of every loader.
    """

    def __init__(
        self, m: Module, tables: HardwareTables, also: list[Signal] | None = None, **inputs: Signal
    ):
        self.array = tables.program.array
        self.layout = row_layout(self.array)
        ports = range(self.array.ports)
        base = m.input("weights_base", ADDRESS_BITS)
        fails = [m.wire(f"port{port}_fails", 1) for port in ports]
        self.loaders: list[Mapping[str, Signal]] = []
        for port, prefix in zip(ports, axi_prefixes(len(ports)), strict=True):
            unit = loader_module(tables, port)
            axi = {key: m.input(f"{prefix}{key}", width) for key, width in AXI_IN.items()}
            others = [fail for other, fail in enumerate(fails) if other != port] + (also or [])
            halt = {}
            if others:
                halt["halt"] = m.pipe(f"port{port}_halts", reduce(Signal.__or__, others), reset=0)
            loader = m.instance(unit.name, unit, base=base, **inputs, **axi, **halt)
            fails[port].drive(loader["failed"])
            self.loaders.append(loader)
        self.failed = reduce(Signal.__or__, fails)
        there = reduce(Signal.__and__, [loader["there"] for loader in self.loaders])
        # One register behind all ports, for the end of a phase depends on it.
        self.ready = m.pipe("weights_ready", there & ~inputs["end_tile"], reset=0)
        self.status = self.loaders[-1]["status"]
        for loader in self.loaders[-2::-1]:
            self.status = mux(loader["failed"], loader["status"], self.status)

    def outputs(self, m: Module) -> None:
        """The channels."""
        for loader, prefix in zip(self.loaders, axi_prefixes(len(self.loaders)), strict=True):
            for key in AXI_OUT:
                m.output(f"{prefix}{key}", loader[key])

    def row_write(self, bank: int) -> dict[str, Signal]:
        """A bank's part of what its loader writes."""
        loader, inside = self.loaders[bank // self.layout.banks], bank % self.layout.banks
        low = inside % self.layout.banks_per_beat * self.layout.slot
        return {
            "weights_we": loader["we"][inside],
            "weights_waddr": loader["address"],
            "weights_wdata": loader["data"].bits(low, self.array.channels * self.array.weight_bits),
        }
