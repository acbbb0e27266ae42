"""The drain: at the end of a pixel its channels leave the shadow, a group of lanes per clock."""

from __future__ import annotations

from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.memories import address_width
from snnir.hardware.products import fit
from snnir.hardware.resolver import phase_record
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import DRAIN, EMIT, accumulate_stages

FLAGS = ("window_first", "window_last", "row_last", "tile_last")
"""What a pixel says of its place, for the pool, the writer and the readout."""


def delayed(m: Module, name: str, value: Signal, clocks: int, reset: int | None = None) -> Signal:
    """A signal some clocks later; synthesis makes shift registers of such chains."""
    if value.constant is not None:
        return value
    for step in range(1, clocks + 1):
        value = m.pipe(f"{name}_d{step}", value, reset=reset)
    return value


def drain_module(tables: HardwareTables, stages: int) -> Module:
    """Ends of phases on their way to the accumulators, and the drain of a pixel.

    Ports: `end_phase`, `phase` from the emitters; `clear`, `shift`, `keep` to the array, `group`
    to its multiplexers; `ready` (a layer starts: clear). The parameters of each lane
    (membrane_bits) come with the accumulators, `DRAIN` clocks behind `group`; `valid`, `number`
    (of the group), `used` (the lanes that have a channel), `last` (of the tile) and the flags come
    with the neurons' results, another `stages` clocks later. `active` comes with `group`, where
    neurons keep their states.
    """
    array, program = tables.program.array, tables.program
    m = Module("drain", doc=f"a pixel's channels leave the shadow, {array.drain} per clock")
    m.clock()
    m.input("rst", 1)
    record = phase_record(tables)
    ready = m.input("ready", 1)
    # What is read in the clock in which a phase ends is added this much later; the channels are
    # told a clock before, for each has registers of its own for it.
    late = EMIT + accumulate_stages(array.banks) - 1
    ended = delayed(m, "ended", m.input("end_phase", 1), late - 1, reset=0)
    phase = delayed(m, "phase", m.input("phase", record.width), late - 1)
    fields = record.unpack(phase)
    soon = m.wire("pixel_ends", ended & fields["pixel_end"])
    m.output("clear", soon | ready)
    m.output("keep", soon)
    if program.shifts:
        behind = fields["shift_behind"]
        chosen = [ended & behind.eq(1 + i) for i in range(len(program.shifts))]
        m.output("shift", cat(*reversed(chosen)))
    keep = m.pipe("pixel_ended", soon, reset=0)
    fields = record.unpack(m.pipe("phase_now", phase))

    drain = fields.get("drain", m.const(tables.tiles.high("drain"), tables.drain_bits))
    index = m.reg("index", tables.group_bits)
    left, active = m.reg("left", drain.width), m.reg("active", 1, reset=0)
    last = left.eq(0)
    index.next = mux(keep, 0, index + 1)
    left.next = mux(keep, drain - 1, left - 1)
    active.next = keep | (active & ~last)
    flags = {key: m.reg(key, 1, next=fields[key], enable=keep) for key in FLAGS}

    if program.params:
        # Where no tile has another first row it is 0, that of the image's tile.
        base = fields.get("params", m.const(0, 1))
        for key, value in _parameters(m, tables, keep, index, base).items():
            m.output(key, value)

    total = DRAIN + stages
    m.output("group", index)
    if tables.keeps:
        m.output("active", active)
    m.output("valid", delayed(m, "valid", active, total, reset=0))
    m.output("number", delayed(m, "number", index, total))
    m.output("last", delayed(m, "last", last, total))
    m.output("used", cat(*reversed(_used(m, tables, fields, keep, last, total))))
    for key in FLAGS:
        m.output(f"pixel_{key}", delayed(m, f"pixel_{key}", flags[key], total))
    return m


def _used(
    m: Module,
    tables: HardwareTables,
    fields: dict[str, Signal],
    keep: Signal,
    last: Signal,
    late: int,
) -> list[Signal]:
    """For each lane whether it has a channel: all have but those behind the tile's last one."""
    lanes, bits = tables.program.array.drain, tables.tiles.width("idle")
    idle = m.const(tables.tiles.high("idle"), bits)
    if "idle" in fields:
        idle = m.reg("idle", bits, next=fields["idle"], enable=keep)
    most = tables.tiles.high("idle")
    used = [m.const(1, 1)] * lanes
    for lane in range(lanes - most, lanes):
        used[lane] = delayed(m, f"used{lane}", ~last | idle.ult(lanes - lane), late)
    return used


def _parameters(
    m: Module, tables: HardwareTables, keep: Signal, index: Signal, base: Signal
) -> dict[str, Signal]:
    """The parameters of the group's channels, two clocks behind its index."""
    bits = address_width(tables.params.depth)
    if base.constant is None:
        row = m.reg("parameter_row", bits)
        row.next = mux(keep, fit(base, bits), row + 1)
    else:
        row = fit(index, bits)
    word = m.pipe("parameters", tables.params.lookup(m, "params", row))
    width = tables.program.array.membrane_bits
    return {
        key: tables.params.resize(key, field, width)
        for key, field in tables.params.fields(m, word).items()
    }
