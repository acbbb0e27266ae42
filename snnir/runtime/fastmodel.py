"""The fast engine: a quantised network in C without the machine's clocks, on all cores."""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from snnir.backends.c.fast import FAST_FILES
from snnir.errors import UserError
from snnir.runtime.cmodel import FAST, build_library
from snnir.runtime.engine import EngineResult

OPTIONS = (*FAST[:-1], "-mprefer-vector-width=512", FAST[-1])
ALIGNMENT = 64


class _Map(ctypes.Structure):
    _fields_ = [
        ("label", ctypes.c_char_p),
        ("offset", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
    ]


class FastEngine:
    """The printed fast C of a network, loaded.

    Args:
        sources: file name to text, as `fast_sources` gives them or as they lie in a build folder.
        cache: folder for the library.
        options: of the compiler, see `build_library`.

    Raises:
        UserError: it cannot be built or loaded.
    """

    name = "fast"

    def __init__(self, sources: Mapping[str, str], cache: Path, options: Sequence[str] = OPTIONS):
        missing = [name for name in FAST_FILES if name not in sources]
        if missing:
            raise UserError(f"the C program lacks {', '.join(missing)}", hint="compile it again")
        path = build_library(sources, Path(cache), options, FAST_FILES)
        prefix = re.search(r"^size_t (\w+)_fast_state_size\(void\);", sources["fast.h"], re.M)
        if prefix is None:
            raise UserError("fast.h is not one that snnir printed", hint="compile it again")
        self.prefix = f"{prefix[1]}_fast"
        define = rf"^#define {self.prefix.upper()}_(\w+) (\d+)$"
        self.sizes = {k: int(v) for k, v in re.findall(define, sources["fast.h"], re.M)}
        self.word = np.uint8 if re.search(r"uint8_t \w+_word;", sources["fast.h"]) else np.uint16
        try:
            self.library = ctypes.CDLL(str(path))
        except OSError as error:
            raise UserError(f"cannot load the C program: {error}", where=str(path)) from error
        size = getattr(self.library, f"{self.prefix}_state_size")
        size.restype = ctypes.c_size_t
        self._run = getattr(self.library, f"{self.prefix}_run_batch")
        self._run.restype = None
        self._run.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int64,
                              ctypes.c_void_p, ctypes.c_void_p]  # fmt: skip
        maps = (_Map * self.sizes["MAPS"]).in_dll(self.library, f"{self.prefix}_maps")
        self.maps = [(m.label.decode(), m.offset, (m.height, m.width, m.channels)) for m in maps]
        self.threads = os.cpu_count() or 1
        self._memory = ctypes.create_string_buffer(size() * self.threads + ALIGNMENT)
        self._states = -(-ctypes.addressof(self._memory) // ALIGNMENT) * ALIGNMENT

    @classmethod
    def from_folder(cls, folder: Path, cache: Path) -> FastEngine:
        """The engine of printed sources in a folder."""
        try:
            sources = {name: (folder / name).read_text() for name in FAST_FILES}
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(error.filename)) from error
        return cls(sources, cache)

    def run(self, frames: np.ndarray, record: bool = True) -> EngineResult:
        """Run images.

        Args:
            frames: uint8 (N, H, W, C), the machine's input.
            record: keep the trains of all layers.

        Raises:
            UserError: the frames have another shape or type.
        """
        sizes = self.sizes
        shape = (sizes["IMAGE_HEIGHT"], sizes["IMAGE_WIDTH"], sizes["IMAGE_CHANNELS"])
        if frames.dtype != np.uint8 or frames.shape[1:] != shape:
            raise UserError(
                f"frames are {frames.dtype} of shape {frames.shape}, "
                f"the network takes uint8 (N, {', '.join(map(str, shape))})"
            )
        frames = np.ascontiguousarray(frames)
        potentials = np.empty((len(frames), sizes["OUTPUTS"]), np.int32)
        words = np.empty((len(frames) if record else 0, sizes["WORDS"]), self.word)
        start = time.perf_counter()
        self.run_into(frames, potentials, words if record else None)
        seconds = time.perf_counter() - start
        trains = {}
        for label, offset, dims in self.maps if record else ():
            part = words[:, offset : offset + int(np.prod(dims))].reshape(len(frames), *dims)
            trains[label] = np.ascontiguousarray(part.transpose(0, 3, 1, 2), np.uint16)
        return EngineResult(potentials.astype(np.int64), trains, seconds=seconds)

    def run_into(
        self, frames: np.ndarray, potentials: np.ndarray, words: np.ndarray | None = None
    ) -> None:
        """The call into C alone, on arrays that fit: uint8 frames, int32 (N, outputs), words."""
        self._run(
            self._states, self.threads, frames.ctypes.data, len(frames), potentials.ctypes.data,
            None if words is None else words.ctypes.data,
        )  # fmt: skip
