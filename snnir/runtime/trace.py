"""The schedule of one image as trace events, for chrome://tracing and ui.perfetto.dev.

Source: "Trace Event Format", the JSON that Chrome's tracing reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.cycles import PhaseClocks, row_visits
from snnir.analysis.program import ProgramTables
from snnir.hardware.timing import Timing, timing
from snnir.interpreters.pe import neurons_of
from snnir.interpreters.pe_schedule import LayerSchedule, schedules

LAYERS, RECEIVING, RESOLVER, EMITTERS, DRAIN = range(5)
_TRACKS = ("layers", "receive", "resolver", "emitters", "drain")

_COUNTERS = ("events per clock", "resolver held by full queues")

SPANS = 6000
"""At most as many spans below tiles, each a slice on three tracks; layers share them evenly."""


def trace_events(
    tables: ProgramTables, module: ModuleOp, trains: Mapping[str, np.ndarray], clock_mhz: float
) -> list[dict[str, Any]]:
    """The trace events of the first image.

    Each layer is cut into tiles, tiles into output rows, and rows into pixels and their phases, as
    far as the number of slices allows.

    Args:
        module: the scheduled program, of which `tables` are the tables.
        trains: label -> uint16 (N, C, H, W), see `schedules`.
    """
    clocks = timing(tables, neurons_of(module))
    first = {label: words[:1] for label, words in trains.items()}
    tracer = _Tracer(tables, clocks, clock_mhz)
    for row in schedules(tables, clocks, first):
        tracer.layer(row)
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
    tile: int
    counted: bool = False


class _Tracer:
    """Collects trace events; clocks count from the start of the image."""

    def __init__(self, tables: ProgramTables, clocks: Timing, clock_mhz: float):
        self.tables = tables
        self.clocks = clocks
        self.clock_mhz = clock_mhz
        self.spans = SPANS // len(tables.layers)
        self.events = [_meta("process_name", 0, f"{tables.name}, {clock_mhz:g} MHz")]
        for track, name in enumerate(_TRACKS):
            self.events.append(_meta("thread_name", track, name))
            self.events.append(_meta("thread_sort_index", track, track))

    def layer(self, row: LayerSchedule) -> None:
        begin, clocks, label = int(row.begin[0]), int(row.clocks[0]), row.layer.label
        self.slice(LAYERS, label, begin, begin + clocks)
        if row.phases is None:
            self.slice(RECEIVING, label, begin, begin + clocks)
            return
        phases = PhaseClocks(*(times[:, 0] + begin for times in row.phases))
        # The first clock in which an entry can be there; before it the pipeline fills.
        phases.start[0] = begin + self.clocks.resolve + 1
        figures = _Figures(row, phases, begin + self.clocks.resolve - 1)
        for span in self.cut(row):
            channels = row.tiles[span.tile].channels
            self.span(span, phases, figures, self.tables.array.drain_clocks(channels))
        for name in _COUNTERS:
            self.counter(name, begin + clocks, 0)
        drained = int(phases.end[-1]) + 1 + int(row.runs.drain[-1])
        self.slice(DRAIN, f"{label} flush", drained, begin + clocks)

    def cut(self, row: LayerSchedule) -> Iterator[_Span]:
        """The spans of a layer, those that hold others first."""
        # Pixels come without their phases where there is one only: a bound, not the number.
        in_rows, tiles = row_visits(row.layer), len(row.tiles)
        rows = tiles * len(in_rows) <= self.spans
        pixels = row.visits * (sum(row.pixel_phases) + tiles) <= self.spans
        first = 0
        for tile, each in enumerate(row.pixel_phases):
            name = f"{row.layer.label} tile {tile}"
            yield _Span(name, first, first + each * row.visits, tile, counted=not rows)
            at = first
            for y, count in enumerate(in_rows if rows else ()):
                end = at + int(count) * each
                if end > at:
                    yield _Span(f"row {y}", at, end, tile, counted=True)
                for x, pixel in enumerate(range(at, end, each) if pixels else ()):
                    yield _Span(f"pixel {x}", pixel, pixel + each, tile)
                    for phase in range(each if each > 1 else 0):
                        yield _Span(f"phase {phase}", pixel + phase, pixel + phase + 1, tile)
                at = end
            first += each * row.visits

    def span(self, span: _Span, phases: PhaseClocks, figures: _Figures, drain: int) -> None:
        first, last = span.first, span.end - 1
        found = figures.of(span)
        start, end = int(phases.start[first]), int(phases.end[last]) + 1
        shown = {key: found[key] for key in ("events", "longest", "drain")}
        self.slice(EMITTERS, span.name, start, end, **shown)
        begins, resolved = int(figures.resolves[first]), int(phases.resolved[last]) + 1
        stalled = resolved - begins - found["runs"]
        self.slice(RESOLVER, span.name, begins, resolved, runs=found["runs"], stalled=stalled)
        if figures.is_pixel_end[last]:
            # Pixels are drained one behind the other, so that those of a row are one slice.
            at = first + int(figures.is_pixel_end[first:].argmax())
            self.slice(DRAIN, span.name, int(phases.end[at]) + 1, end + drain)
        if span.counted:
            self.counter(_COUNTERS[0], start, round(found["events"] / (end - start), 3))
            self.counter(_COUNTERS[1], begins, round(stalled / (resolved - begins), 3))

    def slice(self, track: int, name: str, begin: int, end: int, **args: int) -> None:
        """A slice of clocks begin..end-1."""
        start = self.nanoseconds(begin)
        self.events.append(
            {
                "ph": "X", "pid": 0, "tid": track, "name": name,
                "ts": _microseconds(start), "dur": _microseconds(self.nanoseconds(end) - start),
                "args": {"clock": begin, "clocks": end - begin, **args},
            }
        )  # fmt: skip

    def counter(self, name: str, clock: int, value: float) -> None:
        at = _microseconds(self.nanoseconds(clock))
        self.events.append({"ph": "C", "pid": 0, "name": name, "ts": at, "args": {"value": value}})

    def nanoseconds(self, clock: int) -> int:
        """Viewers keep whole nanoseconds: rounded here, slices that meet in a clock meet there."""
        return round(clock * 1000 / self.clock_mhz)


class _Figures:
    """What happens within phases: sums from phase to phase, so that a span is a difference."""

    def __init__(self, row: LayerSchedule, phases: PhaseClocks, before: int):
        ends = np.flatnonzero(row.runs.phase_end)
        firsts = np.append(0, ends[:-1] + 1)
        events = np.add.reduceat(row.runs.events[0], firsts, axis=0, dtype=np.int64)
        self.is_pixel_end = row.runs.pixel_end[ends]
        self.resolves = np.append(before, phases.resolved[:-1]) + 1
        self.sums = {
            "events": _upto(events.sum(axis=1)),
            "longest": _upto(events.max(axis=1)),
            "drain": _upto(phases.end - phases.emitted),
            "runs": _upto(ends - firsts + 1),
        }

    def of(self, span: _Span) -> dict[str, int]:
        return {key: int(sums[span.end] - sums[span.first]) for key, sums in self.sums.items()}


def _upto(values: np.ndarray) -> np.ndarray:
    return np.append(0, values.cumsum())


def _meta(kind: str, track: int, value: str | int) -> dict[str, Any]:
    key = "sort_index" if kind.endswith("index") else "name"
    return {"ph": "M", "pid": 0, "tid": track, "name": kind, "args": {key: value}}


def _microseconds(nanoseconds: int) -> float:
    """The number of which a viewer makes as many nanoseconds again, rounding downwards."""
    value = nanoseconds / 1000
    return value if int(value * 1000) == nanoseconds else math.nextafter(value, math.inf)
