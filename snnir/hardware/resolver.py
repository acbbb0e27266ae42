"""The resolver: each clock a run becomes, for every bank, where its events lie and how many."""

from __future__ import annotations

from collections.abc import Mapping

from snnir.hardware.columns import Record, bits_of
from snnir.hardware.language.builder import Module, Signal, Wire, cat, mux
from snnir.hardware.products import fit, product
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import RESOLVE
from snnir.hardware.walker import walker_columns, walker_module
from snnir.schedule.program import PREVIOUS


def phase_record(tables: HardwareTables) -> Record:
    """What the end of a phase says to the array, the drain and the control unit."""
    flags = ("pixel_end", "window_first", "window_last", "row_last", "tile_last", "layer_last")
    numbers = [("shift_behind", tables.runs)]
    numbers += [(key, tables.tiles) for key in ("drain", "idle", "params")]
    return Record(
        dict.fromkeys(flags, 1) | {key: t.width(key) for key, t in numbers if key in t.stored}
    )


def entry_record(tables: HardwareTables) -> Record:
    """An entry of a bank's run queue; `rest` is one less than the number of its events.

    The flags, which decide what the bank does in the next clock, come first.
    """
    widths = {
        "some": 1,
        "single": 1,
        "phase_end": 1,
        "start": tables.event_bits,
        "rest": tables.count_bits,
        "origin": tables.weight_bits,
    }
    if tables.offset_bits:
        widths["upper"] = 1
    for key in ("by_bank", "delay"):
        if key in tables.runs.stored:
            widths[key] = tables.runs.width(key)
    return Record(widths)


ENTRY_FLAGS = 3
"""Bits of an entry that are flags."""


COLUMNS = ("event_offset", "pointer_offset")
"""The columns of the layer table that say where an image of a batch has its maps."""


class _Stages:
    """A pipeline that stands still as a whole: values are carried along under their names."""

    def __init__(self, m: Module, go: Signal):
        self.m, self.go, self.stage = m, go, 0
        self.values: dict[str, Signal] = {}

    def register(self, name: str, value: Signal) -> Signal:
        """A register of the stage that is being left."""
        if value.constant is not None:
            return value
        return self.m.pipe(f"{name}_s{self.stage + 1}", value, enable=self.go)

    def clock(self, keep: list[str] | None = None, **new: Signal) -> None:
        """Enter the next stage with the values kept (all, if not told) and the new ones."""
        kept = {k: v for k, v in self.values.items() if keep is None or k in keep}
        self.values = {k: self.register(k, v) for k, v in (kept | new).items()}
        self.stage += 1

    def __getitem__(self, name: str) -> Signal:
        return self.values[name]


def resolver_module(tables: HardwareTables) -> Module:
    """Runs to queue entries, one per clock; see "Runs" and "Clock counts" in docs/machine.md.

    Ports: columns of the layer table and `ready`, as the walker takes them; `go` (no queue is
    full); where layers see what was fired in the window before, its `parity` and whether it is the
    `first_window`; `pointer_below`, `pointer_last` (addresses) and `counts_below`, `counts_last`
    (counts of all banks, one clock later, held while `go` is 0); `entry0` ..., `push` (one bit per
    bank), `phase` and `push_phase`; `run` (one reaches the queues).

    A run passes `RESOLVE` stages: run table (2), products (2), window (2), pointer address (1),
    pointer memory (1), counts (1), flags (1).
    """
    banks = tables.program.array.banks
    m = Module("resolver", doc="runs of pixels to lists of events, one run per clock")
    m.clock()
    rst = m.input("rst", 1)
    desc = tables.layers.inputs(m, [*walker_columns(tables), *COLUMNS])
    ready, go = m.input("ready", 1), m.input("go", 1)
    count = tables.count_bits
    below = m.input("counts_below", banks * count)
    last = m.input("counts_last", banks * count)

    pins = tables.layers.pins(desc, walker_columns(tables))
    pins |= tables.tiles.write_inputs(m, "tiles")
    take = m.wire("take", 1)
    walk = m.instance("walker", walker_module(tables), rst=rst, ready=ready, go=take, **pins)
    walk = _spare(m, walk, take, go)
    valid = m.pipe("valid_s1", walk["valid"], reset=0, enable=go)

    pipeline = _Stages(m, go)
    carried = {k: walk[k] for k in ("y", "x", "weights", "params", "drain", "idle")}
    carried |= {k: walk[k] for k in walk if k.startswith(("window_", "row_", "tile_", "layer_"))}
    pipeline.clock(last_run=walk["last_run"], **carried)
    fields = tables.runs.fields(m, tables.runs.lookup(m, "runs", walk["run"], go))
    pipeline.clock(**{f"run_{key}": field for key, field in fields.items()})
    if tables.recurs:
        desc |= {"parity": m.input("parity", 1), "first_window": m.input("first_window", 1)}
    _locate(m, tables, pipeline, desc)
    _clip(tables, pipeline)

    pipeline.clock(
        [key for key in pipeline.values if key != "offset"],
        **(_first_row(tables, pipeline) if tables.offset_bits else {}),
        pointer_below=pipeline["pointer_row"] + fit(pipeline["low"], tables.pointer_bits),
        pointer_last=pipeline["pointer_row"] + fit(pipeline["high"], tables.pointer_bits),
    )
    m.output("pointer_below", pipeline["pointer_below"])
    m.output("pointer_last", pipeline["pointer_last"])
    pipeline.clock()
    zero = m.const(0, count)
    for k in range(banks):
        before = mux(pipeline["from_zero"], zero, below.bits(k * count, count))
        until = last.bits(k * count, count)
        pipeline.values[f"number{k}"] = mux(pipeline["alive"], until - before, zero)
        pipeline.values[f"start{k}"] = pipeline["event_row"] + fit(before, tables.event_bits)
    pipeline.clock()
    for k in range(banks):
        number = pipeline[f"number{k}"]
        pipeline.values |= {
            f"rest{k}": number - 1,
            f"some{k}": number.ne(0),
            f"single{k}": number.ule(1),
        }
    pipeline.clock()
    assert pipeline.stage == RESOLVE
    for stage in range(1, RESOLVE):
        valid = m.pipe(f"valid_s{stage + 1}", valid, reset=0, enable=go)
    _push(m, tables, pipeline.values, m.wire("pushing", valid & go))
    return m


def _spare(m: Module, walk: Mapping[str, Signal], take: Wire, go: Signal) -> dict[str, Signal]:
    """A place for the run that the walker gives while the resolver stands still.

    Whether it stands still is known late; the walker, which decides most of all units in one
    clock, is told by a register one clock later.
    """
    used = m.reg("spare_used", 1, reset=0)
    used.next = ~go & (used | walk["valid"])
    take.drive(~used)
    result = {}
    for key, value in walk.items():
        if value.constant is None:
            spare = m.reg(f"spare_{key}", value.width, next=value, enable=~used)
            value = mux(used, spare, value)
        result[key] = value
    return result


def _locate(
    m: Module, tables: HardwareTables, pipeline: _Stages, desc: Mapping[str, Signal]
) -> None:
    """y, x0, and the first entries of the row: products of the pixel and the run's strides.

    A map that each image of a batch has for itself lies further on by the layer's offsets.
    """
    widths = {
        "y": bits_of(*_signed_range(tables.reach["y"])),
        "x0": bits_of(*_signed_range(tables.reach["x"])),
        "pointer_row": tables.pointer_bits,
        "event_row": tables.event_bits,
        "origin": tables.weight_bits,
    }
    factors = {
        "y": ("y", "run_stride_y"),
        "x0": ("x", "run_stride_x"),
        "pointer_row": ("y", "run_pointer_stride"),
        "event_row": ("y", "run_event_stride"),
        "origin": ("x", "run_row_stride"),
    }
    runs = tables.runs
    if tables.offset_bits:
        # The row of the run's first position is the same at each pixel; the position is not.
        widths["offset"] = tables.offset_bits
        factors["offset"] = factors.pop("origin")
    bases = {
        "y": runs.resize("dy", pipeline["run_dy"], widths["y"]),
        "x0": runs.resize("dx", pipeline["run_dx"], widths["x0"]),
        "pointer_row": fit(pipeline["run_pointer_base"], tables.pointer_bits),
        "event_row": fit(pipeline["run_event_base"], tables.event_bits),
        "origin": fit(pipeline["run_row_base"], tables.weight_bits)
        + fit(pipeline["weights"], tables.weight_bits),
    }
    if tables.offset_bits:
        bases["offset"] = fit(pipeline["run_offset"], tables.offset_bits)
    for base, offset in (("pointer_row", "pointer_offset"), ("event_row", "event_offset")):
        if offset in tables.layers.stored:
            more = fit(desc[offset], bases[base].width)
            bases[base] = bases[base] + mux(pipeline["run_by_image"], more, 0)
    if tables.recurs:
        # The window before has left the maps at the other of their two places.
        past = pipeline["run_by_image"].eq(PREVIOUS)
        second = pipeline["run_by_image"].any() & (past ^ desc["parity"])
        strides = zip(("event_row", "pointer_row"), tables.program.window_stride, strict=True)
        for base, stride in strides:
            more = m.const(stride, bases[base].width)
            bases[base] = bases[base] + mux(second, more, 0)
        pipeline.values["silent"] = past & desc["first_window"]
    parts = {
        name: product(m, pipeline.register, name, pipeline[a], pipeline[b], widths[name])
        for name, (a, b) in factors.items()
    }
    used = {"weights", "y", "x", *(f"run_{k}" for k in ("dy", "dx"))}
    used |= {key for key in pipeline.values if key.endswith(("_base",)) or "stride" in key}
    used |= {"run_offset", "run_by_image"}
    keep = [key for key in pipeline.values if key not in used]
    pipeline.clock(keep, **{f"{name}_base": base for name, base in bases.items()})
    results = {name: pipeline[f"{name}_base"] for name in bases if name not in parts}
    for name, (first, second) in parts.items():
        total = first if second is None else first + second
        base = pipeline[f"{name}_base"]
        results[name] = base - total if name == "origin" else base + total
    pipeline.clock([k for k in keep], **results)


def _first_row(tables: HardwareTables, pipeline: _Stages) -> dict[str, Signal]:
    """What a bank adds an event's position to, and the upper bit of the run's first position.

    The event's bits are those of its position; the run's own are taken off the row of its first
    one, and the bank adds what lies beyond the upper bit if it went from 1 to 0.
    """
    offset, size = pipeline["offset"], tables.weight_bits
    narrow = offset.trunc(tables.position_bits)
    by_bank = pipeline["run_by_bank"]
    return {
        "origin": pipeline["origin"] - mux(by_bank, fit(offset, size), fit(narrow, size)),
        "upper": mux(by_bank, offset.msb, narrow.msb),
    }


def _signed_range(span: tuple[int, int]) -> tuple[int, int]:
    """At least one negative number, so that the width has a sign."""
    return min(span[0], -1), span[1]


def _clip(tables: HardwareTables, pipeline: _Stages) -> None:
    """The part of the run inside the map: pixels low..high, and whether there are any."""
    runs = tables.runs
    y, x0 = pipeline["y"], pipeline["x0"]
    height = runs.resize("height", pipeline["run_height"], y.width)
    keep = [k for k in pipeline.values if k not in ("y", "run_height", "run_length")]
    pipeline.clock(
        keep,
        inside=~y.msb & y.slt(height),
        x1=x0 + runs.resize("length", pipeline["run_length"], x0.width),
    )
    x0, x1 = pipeline["x0"], pipeline["x1"]
    width = runs.resize("width", pipeline["run_width"], x0.width)
    keep = [k for k in pipeline.values if k not in ("inside", "x0", "x1", "run_width", "silent")]
    alive = pipeline["inside"] & x0.slt(width) & x1.sgt(0)
    if tables.recurs:
        alive = alive & ~pipeline["silent"]
    pipeline.clock(
        keep,
        alive=alive,
        from_zero=x0.sle(0),
        low=mux(x0.msb, 0, x0),
        high=mux(x1.slt(width), x1, width),
    )


def _push(m: Module, tables: HardwareTables, values: Mapping[str, Signal], pushing: Signal) -> None:
    banks = tables.program.array.banks
    phase_end = values["run_phase_end"]
    entry, phase = entry_record(tables), phase_record(tables)
    for k in range(banks):
        fields = {key: values[f"{key}{k}"] for key in ("start", "rest", "some", "single")}
        fields |= {
            "phase_end": phase_end,
            "by_bank": values["run_by_bank"],
            "delay": values["run_delay"],
            "origin": values["origin"],
            "upper": values.get("upper"),
        }
        m.output(f"entry{k}", entry.pack(fields))
    push = [pushing & (values[f"some{k}"] | phase_end) for k in range(banks)]
    m.output("push", cat(*reversed(push)))
    flags = {key: values[key] for key in phase.widths if key in values}
    flags |= {
        "pixel_end": values["last_run"],
        "shift_behind": values["run_shift_behind"],
    }
    m.output("phase", phase.pack(flags))
    m.output("push_phase", pushing & phase_end)
    m.output("run", pushing)
