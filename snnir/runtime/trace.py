"""When everything happens in one image, as trace events for chrome://tracing and ui.perfetto.dev.

Source: "Trace Event Format", the JSON that Chrome's tracing reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnir.runtime.timeline import TracedLayer
from snnir.schedule.cycles import row_visits
from snnir.schedule.program import LOAD, ProgramTables

LAYERS, RECEIVING, WEIGHTS, RESOLVER, EMITTERS, DRAIN, LOADS, STORES = range(8)
_TRACKS = (
    "layers", "receive", "weights", "resolver", "emitters", "drain", "maps from DDR", "maps to DDR",
)  # fmt: skip

_COUNTERS = ("events per clock", "resolver held by full queues")

SPANS = 6000
"""At most as many spans below tiles, each a slice on three tracks; layers share them evenly."""


def trace_events(
    tables: ProgramTables,
    layers: Iterable[TracedLayer],
    clock_mhz: float,
    engine: str = "model",
    process: int = 0,
) -> list[dict[str, Any]]:
    """The trace events of an image.

    Each layer is cut into tiles, tiles into output rows, and rows into pixels and their phases, as
    far as the number of slices allows.

    Args:
        layers: what happened, `snnir.runtime.timeline`.
        engine: who says so.
        process: number of the group of tracks; engines side by side have different ones.
    """
    tracer = _Tracer(tables, clock_mhz, engine, process)
    for layer in layers:
        tracer.layer(layer)
    return tracer.events


def trace_text(events: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """A trace file, one event a line; `about` is told with it."""
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    head = f'"displayTimeUnit": "ns",\n"otherData": {json.dumps(about)}'
    return f'{{{head},\n"traceEvents": [\n{lines}\n]}}\n'


@dataclass(frozen=True)
class _Span:
    """Phases first..end-1 of a layer: a tile, a row, a pixel or one phase of it."""

    name: str
    first: int
    end: int
    counted: bool = False


class _Tracer:
    """Collects trace events; clocks count from the start of the image."""

    def __init__(self, tables: ProgramTables, clock_mhz: float, engine: str, process: int):
        self.clock_mhz = clock_mhz
        self.process = process
        self.several = tables.batch > 1
        self.spans = SPANS // len(tables.unrolled.layers)
        name = f"{tables.name}, {engine}, {clock_mhz:g} MHz"
        self.events = [self.meta("process_name", 0, name)]
        self.events.append(self.meta("process_sort_index", 0, process))
        for track, name in enumerate(_TRACKS):
            there = {WEIGHTS: tables.ring, LOADS: tables.moves, STORES: tables.moves}
            if there.get(track, True):
                self.events.append(self.meta("thread_name", track, name))
                self.events.append(self.meta("thread_sort_index", track, track))

    def layer(self, row: TracedLayer) -> None:
        begin, clocks, label = row.begin, row.clocks, row.layer.label
        if self.several:
            label += f" image {row.layer.image}"
        for move, start, end in row.moves:
            track = LOADS if move.kind == LOAD else STORES
            self.slice(track, move.label, start, end, bytes=move.move.bytes)
        if row.waited:
            self.slice(LAYERS, f"{label} waits for maps", begin - row.waited, begin)
        self.slice(LAYERS, label, begin, begin + clocks)
        if row.phases is None:
            self.slice(RECEIVING, label, begin, begin + clocks)
            return
        for tile, (first, last, beats) in enumerate(row.loads):
            if beats:
                self.slice(WEIGHTS, f"{label} tile {tile}", first, last + 1, beats=beats)
        figures = _Figures(row)
        for span in self.cut(row):
            self.span(span, row.phases, figures)
        for name in _COUNTERS:
            self.counter(name, begin + clocks, 0)
        drained = int(row.phases["drained"][-1]) + 1
        self.slice(DRAIN, f"{label} flush", drained, begin + clocks)

    def cut(self, row: TracedLayer) -> Iterator[_Span]:
        """The spans of a layer, those that hold others first."""
        # Pixels come without their phases where there is one only: a bound, not the number.
        in_rows, tiles = row_visits(row.layer), len(row.pixel_phases)
        rows = tiles * len(in_rows) <= self.spans
        pixels = row.visits * (sum(row.pixel_phases) + tiles) <= self.spans
        first = 0
        for tile, each in enumerate(row.pixel_phases):
            name = f"{row.layer.label} tile {tile}"
            yield _Span(name, first, first + each * row.visits, counted=not rows)
            at = first
            for y, count in enumerate(in_rows if rows else ()):
                end = at + int(count) * each
                if end > at:
                    yield _Span(f"row {y}", at, end, counted=True)
                for x, pixel in enumerate(range(at, end, each) if pixels else ()):
                    yield _Span(f"pixel {x}", pixel, pixel + each)
                    for phase in range(each if each > 1 else 0):
                        yield _Span(f"phase {phase}", pixel + phase, pixel + phase + 1)
                at = end
            first += each * row.visits

    def span(self, span: _Span, phases: np.ndarray, figures: _Figures) -> None:
        first, last = span.first, span.end - 1
        found = figures.of(span)
        start, end = int(phases["start"][first]), int(phases["end"][last]) + 1
        shown = {key: found[key] for key in ("events", "longest", "drain")}
        self.slice(EMITTERS, span.name, start, end, **shown)
        begins, resolved = int(figures.resolves[first]), int(phases["resolved"][last]) + 1
        stalled = resolved - begins - found["runs"]
        self.slice(RESOLVER, span.name, begins, resolved, runs=found["runs"], stalled=stalled)
        if figures.is_pixel_end[last]:
            # Pixels are drained one behind the other, so that those of a row are one slice.
            at = first + int(figures.is_pixel_end[first:].argmax())
            drained = int(phases["drained"][last]) + 1
            self.slice(DRAIN, span.name, int(phases["end"][at]) + 1, drained)
        if span.counted:
            self.counter(_COUNTERS[0], start, round(found["events"] / (end - start), 3))
            self.counter(_COUNTERS[1], begins, round(stalled / (resolved - begins), 3))

    def slice(self, track: int, name: str, begin: int, end: int, **args: int) -> None:
        """A slice of clocks begin..end-1."""
        start = self.nanoseconds(begin)
        self.events.append(
            {
                "ph": "X", "pid": self.process, "tid": track, "name": name,
                "ts": _microseconds(start), "dur": _microseconds(self.nanoseconds(end) - start),
                "args": {"clock": begin, "clocks": end - begin, **args},
            }
        )  # fmt: skip

    def counter(self, name: str, clock: int, value: float) -> None:
        at = _microseconds(self.nanoseconds(clock))
        args = {"value": value}
        self.events.append({"ph": "C", "pid": self.process, "name": name, "ts": at, "args": args})

    def meta(self, kind: str, track: int, value: str | int) -> dict[str, Any]:
        args = {"sort_index" if kind.endswith("index") else "name": value}
        return {"ph": "M", "pid": self.process, "tid": track, "name": kind, "args": args}

    def nanoseconds(self, clock: int) -> int:
        """Viewers keep whole nanoseconds: rounded here, slices that meet in a clock meet there."""
        return round(clock * 1000 / self.clock_mhz)


class _Figures:
    """What happens within phases: sums from phase to phase, so that a span is a difference."""

    def __init__(self, row: TracedLayer):
        phases = row.phases
        self.is_pixel_end = phases["drained"] >= 0
        self.resolves = np.append(phases["first_run"][:1], phases["resolved"][:-1] + 1)
        self.sums = {key: _upto(phases[key]) for key in ("events", "longest", "runs")}
        self.sums["drain"] = _upto(phases["end"] - phases["emitted"])

    def of(self, span: _Span) -> dict[str, int]:
        return {key: int(sums[span.end] - sums[span.first]) for key, sums in self.sums.items()}


def _upto(values: np.ndarray) -> np.ndarray:
    return np.append(0, values.cumsum())


def _microseconds(nanoseconds: int) -> float:
    """The number of which a viewer makes as many nanoseconds again, rounding downwards."""
    value = nanoseconds / 1000
    return value if int(value * 1000) == nanoseconds else math.nextafter(value, math.inf)
