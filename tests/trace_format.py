"""Checks a trace by the rules of the Trace Event Format that its viewers need."""

import math
from collections import defaultdict
from typing import Any

_META = {
    "process_name": ("name", str),
    "thread_name": ("name", str),
    "process_sort_index": ("sort_index", int),
    "thread_sort_index": ("sort_index", int),
}


def problems(trace: dict[str, Any]) -> list[str]:
    """What is wrong with a trace (the object in its file); [] if nothing."""
    found = []
    if trace.get("displayTimeUnit") not in ("ms", "ns"):
        found.append("displayTimeUnit is neither ms nor ns")
    events = trace.get("traceEvents")
    if not isinstance(events, list):
        return [*found, "traceEvents is no list"]
    for index, event in enumerate(events):
        found += [f"event {index}: {what}" for what in _event(event)]
    if not found:
        found += _names(events) + _nesting(events)
    return found


def _event(event: dict[str, Any]) -> list[str]:
    found = []
    if not isinstance(event.get("name"), str) or not event["name"]:
        found.append("no name")
    if not _whole(event.get("pid")):
        found.append("pid is no integer")
    if not isinstance(event.get("args", {}), dict):
        return [*found, "args is no object"]
    match event.get("ph"):
        case "X":
            if not _whole(event.get("tid")):
                found.append("tid is no integer")
            found += [f"{key} is no time" for key in ("ts", "dur") if not _time(event.get(key))]
        case "C":
            if not _time(event.get("ts")):
                found.append("ts is no time")
            values = event.get("args", {}).values()
            if not values or not all(_number(value) for value in values):
                found.append("a counter without numbers")
        case "M":
            if event.get("name") not in _META:
                return [*found, f"unknown metadata {event.get('name')}"]
            key, kind = _META[event["name"]]
            if type(event.get("args", {}).get(key)) is not kind:
                found.append(f"args.{key} is no {kind.__name__}")
        case other:
            found.append(f"unknown phase {other}")
    return found


def _names(events: list[dict[str, Any]]) -> list[str]:
    """Each process and track that has slices is named, once."""
    names: dict[tuple[str, Any], int] = defaultdict(int)
    for event in events:
        if event["ph"] == "M":
            place = event["pid"] if event["name"].startswith("process") else (
                event["pid"], event["tid"]
            )  # fmt: skip
            names[event["name"], place] += 1
    slices = [event for event in events if event["ph"] == "X"]
    found = [f"{key} of {place} is there twice" for (key, place), n in names.items() if n > 1]
    for place in {event["pid"] for event in events if event["ph"] != "M"}:
        if ("process_name", place) not in names:
            found.append(f"process {place} has no name")
    for place in {(event["pid"], event["tid"]) for event in slices}:
        if ("thread_name", place) not in names:
            found.append(f"track {place} has no name")
    return found


def _nesting(events: list[dict[str, Any]]) -> list[str]:
    """Slices of a track lie within each other or apart, in the nanoseconds that viewers keep."""
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            start = int(event["ts"] * 1000)
            tracks[event["pid"], event["tid"]].append(
                (start, -(start + int(event["dur"] * 1000)), event["name"])
            )
    found = []
    for place, slices in tracks.items():
        open_ends: list[int] = []
        for start, end, name in sorted(slices, key=lambda s: s[:2]):
            while open_ends and open_ends[-1] <= start:
                open_ends.pop()
            if open_ends and -end > open_ends[-1]:
                found.append(f"track {place}: slice {name} overlaps the one that it begins in")
            open_ends.append(-end)
    return found


def _whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _time(value: Any) -> bool:
    return _number(value) and value >= 0
