"""The fast engine: a quantised network in C without the machine's clocks, on all cores."""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from snnir.analysis.windows import count_windows
from snnir.backends.c.fast import FAST_FILES
from snnir.runtime.engine import EngineResult, Stop
from snnir.runtime.library import FAST, PrintedLibrary
from snnir.runtime.windows import leave_decided

ALIGNMENT = 64


class FastEngine(PrintedLibrary):
    """The printed fast C of a network, loaded.

    Args:
        sources: file name to text, as `fast_sources` gives them or as they lie in a build folder.
        cache: folder for the library.
        options: of the compiler, see `build_library`.

    Raises:
        UserError: it cannot be built or loaded.
    """

    name = "fast"
    FILES = FAST_FILES
    SUFFIX = "_fast"
    OPTIONS = (*FAST[:-1], "-mprefer-vector-width=512", FAST[-1])

    def __init__(
        self, sources: Mapping[str, str], cache: Path, options: Sequence[str] | None = None
    ):
        super().__init__(sources, cache, options)
        header = sources[self.FILES[0]]
        self.word = np.uint8 if re.search(r"uint8_t \w+_word;", header) else np.uint16
        size = self.function("state_size", ctypes.c_size_t)()
        self._samples = None
        if "WINDOWS" in self.sizes:
            self._samples = self.function(
                "run_samples", None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
                ctypes.c_int64, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p,
            )  # fmt: skip
        self._run = self.function(
            "run_batch", None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int64,
            ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._memory = ctypes.create_string_buffer(size * self.threads + ALIGNMENT)
        self._states = -(-ctypes.addressof(self._memory) // ALIGNMENT) * ALIGNMENT

    def run(
        self,
        frames: np.ndarray,
        record: bool = True,
        windows: int | None = None,
        stop: Stop | None = None,
    ) -> EngineResult:
        """Run images.

        Args:
            frames: uint8 (N, H, W, C), the machine's input.
            record: keep the trains of all layers.
            windows: so many frames are one sample, if not what the network says.
            stop: says behind each window whether the sample is decided; results of the others are
                0, though they are computed.

        Raises:
            UserError: the frames have another shape or type, or are no samples.
        """
        sizes = self.sizes
        self.check(frames)
        frames = np.ascontiguousarray(frames)
        potentials = np.empty((len(frames), sizes["OUTPUTS"]), np.int32)
        words = np.empty((len(frames) if record else 0, sizes["WORDS"]), self.word)
        start = time.perf_counter()
        count = 1
        if self._samples is not None:
            count = count_windows(sizes["WINDOWS"], windows, len(frames))
        self.run_into(frames, potentials, words if record else None, count)
        seconds = time.perf_counter() - start
        trains = {}
        for label, offset, dims in self.maps if record else ():
            channels, height, width = dims
            part = words[:, offset : offset + int(np.prod(dims))]
            part = part.reshape(len(frames), height, width, channels)
            trains[label] = np.ascontiguousarray(part.transpose(0, 3, 1, 2), np.uint16)
        found = EngineResult(potentials.astype(np.int64), trains, seconds=seconds, windows=count)
        if stop is not None:
            leave_decided(found, stop)
        return found

    def run_into(
        self,
        frames: np.ndarray,
        potentials: np.ndarray,
        words: np.ndarray | None = None,
        windows: int = 1,
    ) -> None:
        """The call into C alone, on arrays that fit: uint8 frames, int32 (N, outputs), words."""
        results = potentials.ctypes.data, None if words is None else words.ctypes.data
        given = self._states, self.threads, frames.ctypes.data
        if self._samples is None:
            self._run(*given, len(frames), *results)
        else:
            self._samples(*given, len(frames) // windows, windows, *results)
