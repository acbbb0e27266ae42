"""Address events (x, y, p, t) become spikes: a word of T bits for each pixel of a window of time.

A recording is an .npz with one array for each of `x`, `y`, `t` and, where there is one, `p`, or
with a structured array `events` (or a .npy of it) that has these fields. An event of a bin is a
spike in that step; further ones of the same pixel and polarity in the same bin change nothing.
Everything is integer arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnir.errors import UserError

FIELDS = ("x", "y", "t", "p")

HINT = "give an .npz with arrays x, y, t and p, or a structured array 'events'"

MOST_TIME = 1 << 58
"""Differences of times are multiplied by the number of steps."""

MOST_BYTES = 1 << 30
"""Of all windows together."""

MOST_STEPS = 8
"""The machine receives a byte for each train."""


@dataclass(frozen=True)
class Events:
    """A recording in the order of time: pixel, time in whatever unit, polarity 0 or 1; int64."""

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    p: np.ndarray

    def __len__(self) -> int:
        return len(self.t)


@dataclass(frozen=True)
class Binning:
    """How time is cut into bins.

    Args:
        length: of a bin, in the unit of `t`, from the first event on; or
        events: in a bin, each as many as the others; with neither, a recording is one window, cut
            into equal bins.
        windows: of a recording, the first so many; all of them if None.
        stream: windows of a sample; a recording that is not cut otherwise is one sample.
    """

    length: int | None = None
    events: int | None = None
    windows: int | None = None
    stream: int = 1


def read_events(path: str | Path) -> Events:
    """Read a recording.

    Raises:
        UserError: it cannot be read, or is none.
    """
    where = str(path)
    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            arrays = {"events": found} if isinstance(found, np.ndarray) else dict(found)
    except OSError as error:
        raise UserError(error.strerror or str(error), where=where) from None
    except Exception as error:
        # numpy raises whatever the broken part of an archive makes it raise.
        raise UserError(f"cannot be read as events: {error}", where=where, hint=HINT) from error
    table = arrays.get("events")
    if table is not None and table.dtype.names:
        arrays = {name: table[name] for name in table.dtype.names}
    columns = {}
    for name in FIELDS:
        if name not in arrays:
            if name == "p":
                columns[name] = np.zeros(len(columns["t"]), np.int64)
                continue
            raise UserError(f"no array '{name}' of events", where=where, hint=HINT)
        columns[name] = _whole(arrays[name], name, where)
    counts = {len(column) for column in columns.values()}
    if len(counts) > 1:
        raise UserError("its arrays of events differ in length", where=where, hint=HINT)
    if counts == {0}:
        raise UserError("it holds no events", where=where)
    polarity = np.unique(columns["p"])
    if not set(polarity.tolist()) <= {0, 1} and not set(polarity.tolist()) <= {-1, 1}:
        raise UserError(f"polarities are {polarity[:4].tolist()}", where=where,
                        hint="p is 0 or 1, or -1 or 1")  # fmt: skip
    columns["p"] = (columns["p"] > 0).astype(np.int64)
    order = np.argsort(columns["t"], kind="stable")
    return Events(**{name: column[order] for name, column in columns.items()})


def _whole(values: np.ndarray, name: str, where: str) -> np.ndarray:
    """A column as int64; times that are no whole numbers have a unit that is not known here."""
    if values.ndim != 1 or values.dtype.kind not in "iub":
        raise UserError(
            f"'{name}' is {values.dtype} of shape {values.shape}", where=where,
            hint="events are one-dimensional arrays of whole numbers",
        )  # fmt: skip
    if len(values) and (int(values.max()) > MOST_TIME or int(values.min()) < -MOST_TIME):
        raise UserError(f"'{name}' holds values beyond 2^58", where=where, hint=HINT)
    return values.astype(np.int64)


def bin_events(
    events: Events, shape: tuple[int, int, int], steps: int, binning: Binning, where: str = ""
) -> np.ndarray:
    """The words of all windows, uint8 (N, C, H, W): step k of T is bit T-1-k.

    Args:
        shape: (C, H, W); of two channels the first takes polarity 0 and the second 1, one channel
            takes both.
        where: the file, for messages.

    Raises:
        UserError: an event lies outside, or the options make no sense.
    """
    channels, height, width = shape
    if channels not in (1, 2):
        raise UserError(f"events have 1 or 2 channels, the network takes {channels}", where=where)
    if not 1 <= steps <= MOST_STEPS:
        raise UserError(f"{steps} steps, allowed are 1 to {MOST_STEPS}", where=where)
    outside = (events.x < 0) | (events.x >= width) | (events.y < 0) | (events.y >= height)
    if outside.any():
        first = int(np.argmax(outside))
        raise UserError(
            f"an event at x = {events.x[first]}, y = {events.y[first]} lies outside "
            f"{width} x {height} pixels", where=where, hint="give the size of the sensor",
        )  # fmt: skip
    bins = _bins(events, steps, binning)
    window, step = np.divmod(bins, steps)
    count = int(window[-1]) + 1
    if binning.windows is not None and binning.windows < count:
        count = binning.windows
    if count * channels * height * width > MOST_BYTES:
        hint = "make bins longer, or take fewer windows"
        raise UserError(f"{count:,} windows are more than 1 GiB", where=where, hint=hint)
    kept = window < count
    words = np.zeros((count, *shape), np.uint8)
    channel = events.p if channels == 2 else np.zeros_like(events.p)
    places = (window, channel, events.y, events.x)
    bits = (1 << (steps - 1 - step)).astype(np.uint8)
    np.bitwise_or.at(words, tuple(place[kept] for place in places), bits[kept])
    return words


def _bins(events: Events, steps: int, binning: Binning) -> np.ndarray:
    """The number of each event's bin, counted from the first."""
    since = events.t - events.t[0]
    if binning.length is not None:
        return since // binning.length
    if binning.events is not None:
        return np.arange(len(events)) // binning.events
    return since * (steps * binning.stream) // (int(since[-1]) + 1)


def as_samples(words: np.ndarray, windows: int) -> np.ndarray:
    """A recording's windows (N, ...) as samples of so many, the last filled up with silence."""
    missing = -len(words) % windows
    silence = np.zeros((missing, *words.shape[1:]), words.dtype)
    return np.concatenate([words, silence]).reshape(-1, windows, *words.shape[1:])
