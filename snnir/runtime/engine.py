"""What every engine (interpreter, C, simulated hardware) says of a batch of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from snnir.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from snnir.runtime.counted import Counted


@dataclass(frozen=True)
class WindowResult:
    """What a window of a sample said: the potentials (outputs,) int64 behind it.

    `sample` and `window` count from 0.
    """

    sample: int
    window: int
    potentials: np.ndarray


Stop = Callable[[WindowResult], bool]
"""Whether a sample is decided, so that its other windows need not be run."""


@dataclass
class EngineResult:
    """Results of N images, comparable between engines.

    `potentials` int64 (N, outputs). `trains` label -> uint16 (N, C, H, W): step t of T is bit
    T-1-t; `<layer>` are the trains out of a layer's neurons, `<layer>.pool` its pooled map and
    `input` the pixels; pixels that no pooling window needs hold 0 and mean nothing. `cycles`
    int64 (N,) and `layer_cycles`, by label of the layer table, are clocks; `events` counts what
    each layer consumed; where `batch` images are computed together, these are by batch. `seconds`
    is the time that running took. `counted` is what the counters of simulated hardware said, where
    that was asked for. Where `windows` of the N images, one behind the other, are one sample,
    `spent` int (samples,) is how many of them were run; what was not run is 0.
    """

    potentials: np.ndarray
    trains: dict[str, np.ndarray] = field(default_factory=dict)
    cycles: np.ndarray | None = None
    layer_cycles: dict[str, np.ndarray] = field(default_factory=dict)
    events: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    batch: int = 1
    counted: Counted | None = None
    windows: int = 1
    spent: np.ndarray | None = None

    @property
    def cycles_per_image(self) -> float | None:
        """Clocks of a batch over its images, on average."""
        return None if self.cycles is None else float(self.cycles.mean()) / self.batch


def check_frames(frames: np.ndarray, shape: tuple[int, int, int]) -> None:
    """Whether images are what a network takes: uint8 (N, height, width, channels).

    Raises:
        UserError: they are not.
    """
    if frames.dtype.name != "uint8" or frames.shape[1:] != shape:
        raise UserError(
            f"frames are {frames.dtype} of shape {frames.shape}, "
            f"the network takes uint8 (N, {', '.join(map(str, shape))})"
        )
