"""The counters: what the clocks of an image went to, by the definitions of `schedule/losses.py`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snnir.hardware.columns import bits_of
from snnir.hardware.drain import delayed
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.pool import popcount
from snnir.hardware.reconfigurable.tables import MachineTables
from snnir.hardware.resolver import phase_record
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import EMIT, Timing

COUNTER_BITS = 32

VIEW = 2
"""Clocks by which the counters look back. Then the layer table's row is that of the clock seen."""

SHOWN = EMIT
"""Clocks by which traces look back: the running counters hold that clock, and what each bank reads
in it has come out of its memory."""


class Counter(NamedTuple):
    """A counter of the last image (`images`: of all images).

    `offset` is that of its 32-bit word in a block of registers, in bytes; `unit` is `clocks`, or
    `bank clocks`, of which a clock has K.
    """

    name: str
    offset: int
    unit: str
    doc: str


COUNTERS = tuple(
    Counter(name, 4 * index, unit, doc)
    for index, (name, unit, doc) in enumerate(
        (
            ("images", "images", "images that have ended since reset"),
            ("clocks", "clocks", "from the start of the image to its end"),
            ("events", "bank clocks", "an event is read"),
            ("busy", "clocks", "at least one bank reads an event"),
            ("imbalance", "bank clocks", "a bank waits for the one with the longest list"),
            ("ends", "bank clocks", "an entry without events tells a bank the end of a phase"),
            ("resolver", "clocks", "even the longest list waits for its runs"),
            ("weights", "clocks", "the tile's weights are not there yet"),
            ("drain", "clocks", "the pixel is done, the shadow is not free"),
            ("pipeline", "clocks", "the pipeline fills or runs empty at a layer's start or end"),
            ("receive", "clocks", "the image is written, the array rests"),
            ("loads", "clocks", "a row of the layer table waits until a map is loaded"),
            ("stores", "clocks", "it waits until a map is stored"),
        )
    )
)
"""All counters in the order of their words. With K banks, exactly,

K * clocks = events + imbalance + ends
           + K * (resolver + weights + drain + pipeline + receive + loads + stores).
"""

SHOWN_FLAGS = {
    "running": "the clock belongs to an image",
    "layer_end": "it is the last of a layer",
    "tile_end": "it is the last of a tile's last phase",
    "pixel_end": "it is the last of a pixel's last phase",
    "phase_end": "it is the last of a phase",
    "run": "a run reaches the queues",
    "resolved": "it is the last run of its phase",
    "longest": "the longest list of the phase grows by an entry",
    "done": "all banks were done with the phase before this clock",
    "loaded": "the tile's weights are there",
    "drains": "a pixel leaves the shadow",
}
"""Bits of the core's output `trace_shown`, the first lowest, `SHOWN` clocks late."""


def longest_list(tables: HardwareTables | MachineTables) -> int:
    """No bank has more entries in a phase than this: its events, and the entry that ends it.

    A machine that does not know its programs has room for 65,535.
    """
    if isinstance(tables, MachineTables):
        return (1 << 16) - 1
    table = dict(zip(tables.program.run_column, tables.program.runs.T, strict=True))
    row = tables.program.position_max + 1
    # A row of the map: its capacity for events, and its pixels, where the table's strides say them.
    step = table["stride_y"].clip(min=1)
    capacity, pixels = table["event_stride"] // step, table["pointer_stride"] // step
    known = (table["stride_y"] > 0) & (capacity > 0) & (pixels > 0)
    share = -(-table["length"] * capacity // pixels.clip(min=1))
    most = np.where(known, share, row).clip(max=row)
    firsts = np.append(0, np.flatnonzero(table["phase_end"])[:-1] + 1)
    return int(np.add.reduceat(most, firsts).max()) + 1


def counters_module(tables: HardwareTables | MachineTables, timing: Timing) -> Module:
    """Counts each clock, and within it each bank, to one part.

    Ports: of the control unit `ready` (the third clock of a layer), `receive`, `running`,
    `layer_end`, `send`, `cycles`; of the emitters `active`, `reads` (one bit per bank: an entry is
    at work, an event is read), `all_idle` (all banks were done before this clock), `shadow_used`
    (the shadow will be in use in the next clock), `end_phase`, `phase`; `run` and `resolved` of the
    resolver; `loaded` of the loader; where maps are moved `waiting` of the control unit, `loads` of
    the mover. `counter_...`: the last image's, set within five clocks of
    its end, and still until the next one ends. For simulation `shown` (`SHOWN_FLAGS`) and
    `counts`, the running counters but the first two.

    Nothing waits for this unit, and each input is registered. The longest list of a phase grows in
    a clock in which a bank works that is behind no other: for each bank a register holds by how
    much it is behind, so that no maximum is taken.
    """
    banks = tables.program.array.banks
    m = Module("counters", doc="what the clocks of an image went to")
    m.clock()
    m.input("rst", 1)
    ready, receive = m.input("ready", 1), m.input("receive", 1)
    waiting = loads = m.const(0, 1)
    if tables.program.moves:
        waiting, loads = m.input("waiting", 1), m.input("loads", 1)
    now = {
        key: m.input(key, 1)
        for key in (
            "running", "layer_end", "send", "all_idle", "shadow_used", "end_phase", "run",
            "resolved", "loaded",
        )
    }  # fmt: skip
    cycles = m.input("cycles", COUNTER_BITS)
    banked = {key: m.pipe(f"{key}_1", m.input(key, banks)) for key in ("active", "reads")}
    record = phase_record(tables)
    flags = record.unpack(m.input("phase", record.width))

    # One clock behind
    was = {key: m.pipe(f"{key}_1", value, reset=0) for key, value in now.items()}
    ends = {
        key: m.pipe(f"{key}_1", flags[key])
        for key in ("pixel_end", "window_last", "tile_last", "layer_last")
    }
    pixel_end = was["end_phase"] & ends["pixel_end"]
    tile_end = pixel_end & ends["window_last"] & ends["tile_last"]
    final = tile_end & ends["layer_last"]
    grows = _longest(m, tables, banked["active"], was["end_phase"])

    # Two clocks behind
    seen = {key: m.pipe(f"{key}_2", was[key], reset=0) for key in was}
    seen |= {
        key: m.pipe(f"{key}_2", value, reset=0)
        for key, value in {
            "pixel_end": pixel_end, "tile_end": tile_end, "final": final, "grows": grows,
        }.items()
    }  # fmt: skip
    drains = m.pipe("drains_2", seen["shadow_used"], reset=0)
    events = m.pipe("events_2", popcount(banked["reads"]))
    entries = m.pipe("entries_2", popcount(banked["active"]))
    fill = m.reg("fill", bits_of(0, timing.resolve), reset=0)
    fill.next = mux(ready, timing.resolve, mux(fill.any(), fill - 1, fill))
    filling = ready | fill.any()
    tail = m.reg("tail", 1, reset=0)
    tail.next = (seen["final"] | tail) & ~seen["layer_end"]

    # A row that does not wait is ready two clocks behind its start, as far as is looked back.
    works = seen["running"] & ~receive & ~waiting
    waits = works & ~tail & ~filling & ~seen["grows"] & ~seen["all_idle"]
    one = {
        "busy": events.any(),
        "resolver": waits & seen["loaded"],
        "weights": waits & ~seen["loaded"],
        "drain": works & mux(tail, drains, seen["all_idle"]),
        "pipeline": works & mux(tail, ~drains, filling),
        "receive": seen["running"] & receive & ~waiting,
        "loads": seen["running"] & waiting & loads,
        "stores": seen["running"] & waiting & ~loads,
    }
    if not tables.program.moves:
        del one["loads"], one["stores"]
    if not tables.program.ring:
        del one["weights"]
    steps = {key: m.pipe(f"{key}_3", value, reset=0) for key, value in one.items()}
    width = entries.width + 1
    line = mux(seen["grows"], m.const(banks, width), m.const(0, width))
    for key, value in {
        "events": events,
        "ends": entries - events,
        "imbalance": line - entries.zext(width),
    }.items():
        steps[key] = m.pipe(f"{key}_3", value, reset=0)
    counts = _count(m, steps, m.pipe("running_3", seen["running"], reset=0))
    _latch(m, counts, now["running"], was, seen, cycles)

    # For simulation alone
    shown = {
        "running": seen["running"],
        "layer_end": seen["layer_end"],
        "tile_end": seen["tile_end"],
        "pixel_end": seen["pixel_end"],
        "phase_end": seen["end_phase"],
        "run": seen["run"],
        "resolved": seen["resolved"],
        "longest": seen["grows"],
        "done": seen["all_idle"],
        "loaded": seen["loaded"],
        "drains": drains,
    }
    word = cat(*[shown[key] for key in reversed(SHOWN_FLAGS)])
    m.output("shown", delayed(m, "shown", word, SHOWN - VIEW))
    m.output("counts", cat(*[counts[c.name] for c in reversed(COUNTERS[2:])]))
    return m


def _longest(
    m: Module, tables: HardwareTables | MachineTables, active: Signal, ends: Signal
) -> Signal:
    """Whether the longest list of the phase grows: a bank that is not behind has an entry."""
    banks = active.width
    if banks == 1:
        return active
    bits = bits_of(0, longest_list(tables))
    first = [m.reg(f"first{k}", 1, reset=1) for k in range(banks)]
    grows = m.wire("grows", (active & cat(*reversed(first))).any())
    for k in range(banks):
        behind = m.reg(f"behind{k}", bits, reset=0)
        # One more behind where others go on alone, one less where it alone goes on.
        moved = mux(grows, behind + 1, behind - 1)
        behind.next = mux(ends, 0, mux(active[k] ^ grows, moved, behind))
        catches_up = ~grows & active[k] & behind.eq(1)
        first[k].next = ends | mux(grows, first[k] & active[k], first[k] | catches_up)
    return grows


def _count(m: Module, steps: dict[str, Signal], running: Signal) -> dict[str, Signal]:
    """The running counters: 0 between images."""
    counts = {}
    for counter in COUNTERS[2:]:
        key = counter.name
        if key not in steps:
            counts[key] = m.const(0, COUNTER_BITS)
            continue
        count, step = m.reg(f"count_{key}", COUNTER_BITS, reset=0), steps[key]
        step = step.sext(COUNTER_BITS) if key == "imbalance" else step.zext(COUNTER_BITS)
        count.next = mux(running, count + step, 0)
        counts[key] = count
    return counts


def _latch(
    m: Module,
    counts: dict[str, Signal],
    running: Signal,
    was: dict[str, Signal],
    seen: dict[str, Signal],
    cycles: Signal,
) -> None:
    """What the running counters hold at the end of an image becomes the outputs."""
    # The control unit's counter may begin anew before the others are complete.
    fell = m.wire("image_ended", was["running"] & ~running)
    ended = delayed(m, "image_ended", fell, VIEW + 1, reset=0)
    images = m.reg("images", COUNTER_BITS, reset=0)
    whole = delayed(m, "image_whole", seen["send"], VIEW - 1, reset=0)
    images.next = mux(whole, images + 1, images)
    for counter in COUNTERS:
        key = counter.name
        if key == "images":
            value = images
        elif key == "clocks":
            value = m.reg("clocks", COUNTER_BITS, reset=0, next=cycles, enable=fell)
        elif counts[key].constant is not None:
            value = counts[key]
        else:
            value = m.reg(key, COUNTER_BITS, reset=0, next=counts[key], enable=ended)
        m.output(f"counter_{key}", value)
