"""What the counters of a simulated core said: of images, layers and tiles, and of each phase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnir.hardware.counters import COUNTERS
from snnir.schedule.program import FIRE, READOUT, ProgramTables

RUNNING = tuple(counter.name for counter in COUNTERS[2:])
"""Those that count within an image."""

_END = np.dtype(
    [("flags", np.int64), ("clock", np.int64), *((name, np.int64) for name in RUNNING)]
    + [("spikes", np.int64)]
)
_TILE, _LAYER, _FIRST = 1, 2, 4

PHASE = np.dtype(
    [
        (name, np.int64)
        for name in (
            "start", "first_run", "resolved", "emitted", "end", "drained",
            "runs", "events", "longest",
        )
    ]
)  # fmt: skip
"""A phase: its first clock, those in which its first and last run reached the queues, that of its
last entry, its last clock, the last in which its pixel left the shadow (-1: it ended none), all
from the start of the image; its runs, events, and entries of its longest list."""


@dataclass
class Counted:
    """Records of a simulation, as the test bench wrote them.

    Args:
        images: (N,), the latched counters of each image, fields by name.
        ends: running counters, and spikes read, at the end of each tile and layer.
        phases: of the first image, of `PHASE`.
        beats: of the first image, the clock in which each beat of weights was taken.
        moves: (moves, 2), of the first image, the first clock of each move of maps, and the one
            behind its last.
    """

    images: np.ndarray
    ends: np.ndarray
    phases: np.ndarray
    beats: np.ndarray
    moves: np.ndarray

    def layers(self, tables: ProgramTables) -> list[list[dict[str, np.ndarray]]]:
        """For each row of the unrolled layer table and each of its tiles, what was counted in it.

        Values are (N,), by batch if there are any. What lies behind the last tile of a layer
        belongs to that tile; a row that receives the image has one.
        """
        images = len(self.images)
        starts = (self.ends["flags"] & _FIRST) > 0
        rows = self.ends.reshape(images, -1)
        if len(self.ends) % images or not starts.reshape(images, -1)[:, 0].all():
            raise ValueError("the images have not ended alike")
        fields = [name for name in _END.names if name not in ("flags", "clock")]
        now = {name: rows[name] for name in fields} | {"clocks": rows["clock"] + 1}
        since = {name: np.diff(value, prepend=0, axis=1) for name, value in now.items()}
        found: list[list[dict[str, np.ndarray]]] = []
        at = 0
        for layer in tables.unrolled.layers:
            mine: list[dict[str, np.ndarray]] = []
            while True:
                new = {name: value[:, at] for name, value in since.items()}
                flags = int(rows["flags"][0, at])
                at += 1
                if flags & _TILE or layer.kind not in (FIRE, READOUT):
                    mine.append(new)
                else:
                    mine[-1] = {name: mine[-1][name] + new[name] for name in new}
                if flags & _LAYER:
                    break
            found.append(mine)
        return found


def read_counted(out: Path) -> Counted:
    """What the test bench left in files that begin with `out`."""

    def read(name: str, kind) -> np.ndarray:
        return np.fromfile(out.with_suffix(f".{name}"), kind)

    latched = np.dtype([(counter.name, np.int64) for counter in COUNTERS])
    return Counted(
        read("counters", latched), read("ends", _END), read("phases", PHASE),
        read("beats", np.int64), read("moves", np.int64).reshape(-1, 2),
    )  # fmt: skip
