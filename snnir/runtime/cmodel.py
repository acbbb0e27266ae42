"""The C engine: builds the printed program as a shared library and runs images on all cores."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snnir.analysis.batch import frames_of_batches
from snnir.analysis.loading import DDR, Ddr
from snnir.errors import UserError
from snnir.runtime.engine import EngineResult
from snnir.runtime.programs import content_key, run_logged

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

_LIBRARY_FILES = ("model.h", "model.c", "weights.c")
_FLAGS = ("-std=c99", "-fPIC", "-shared")
FAST = ("-O3", "-march=native", "-fopenmp")


class _Map(ctypes.Structure):
    _fields_ = [
        ("label", ctypes.c_char_p),
        ("offset", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
    ]


class _Results(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("potentials", "cycles", "layer_cycles", "layer_events", "trains")
    ]


def compiler() -> str:
    """The C compiler: $CC, gcc or cc.

    Raises:
        UserError: there is none.
    """
    wanted = os.environ.get("CC")
    for name in (wanted,) if wanted else ("gcc", "cc"):
        if path := shutil.which(name):
            return path
    raise UserError(
        f"no C compiler found ({wanted or 'gcc, cc'})", hint="install gcc, or name one in $CC"
    )


def _machine() -> str:
    """What -march=native depends on: a library must not be found again on another processor."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return " ".join(os.uname())
    return "\n".join(sorted(set(re.findall(r"^(?:flags|Features|model name)\s*:.*$", text, re.M))))


def build_library(
    sources: Mapping[str, str],
    cache: Path,
    options: Sequence[str] = FAST,
    names: Sequence[str] = _LIBRARY_FILES,
) -> Path:
    """The shared library of the printed program; found again while nothing has changed.

    Args:
        sources: file name to text, as `c_sources` gives them.
        cache: the folder that keeps libraries, one for each content.
        options: further arguments of the compiler; left out one by one, from the last, if it
            fails with them (not every compiler has OpenMP or knows its processor).
        names: the files of the library.

    Raises:
        UserError: no compiler, no place to write, or the compiler fails.
    """
    program = compiler()
    texts = [sources[name] for name in names]
    stamp = str(Path(program).stat().st_mtime_ns)
    key = content_key([program, stamp, _machine(), *_FLAGS, *options, *texts])
    folder = cache.resolve() / f"c-{key[:16]}"
    library = folder / "model.so"
    if library.exists():
        return library
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_text(sources[name])
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror}", where=str(folder)) from error
    # Built under another name, so that nobody finds half a library.
    part = folder / f"model.{os.getpid()}.so"
    files = ["-o", part.name, *(name for name in names if name.endswith(".c"))]
    for count in range(len(options), -1, -1):
        try:
            command = [program, *_FLAGS, *options[:count], *files]
            run_logged(f"compiling {files[2]}", command, folder / "build.log", cwd=folder)
            break
        except UserError:
            if count == 0:
                raise
    part.replace(library)
    return library


class CEngine:
    """The printed C program of a network, loaded.

    Args:
        sources: file name to text, as `c_sources` gives them or as they lie in a build folder.
        cache: folder for the library.
        options: of the compiler, see `build_library`.

    Raises:
        UserError: it cannot be built or loaded.
    """

    name = "c"

    def __init__(self, sources: Mapping[str, str], cache: Path, options: Sequence[str] = FAST):
        missing = [name for name in _LIBRARY_FILES if name not in sources]
        if missing:
            raise UserError(f"the C program lacks {', '.join(missing)}", hint="compile it again")
        path = build_library(sources, Path(cache), options)
        prefix = re.search(r"^size_t (\w+)_state_size\(void\);", sources["model.h"], re.M)
        if prefix is None:
            raise UserError("model.h is not one that snnir printed", hint="compile it again")
        self.prefix = prefix[1]
        define = rf"^#define {self.prefix.upper()}_(\w+) (\d+)$"
        sizes = re.findall(define, sources["model.h"], re.M)
        self.sizes = {name: int(value) for name, value in sizes}
        try:
            self.library = ctypes.CDLL(str(path))
        except OSError as error:
            raise UserError(f"cannot load the C program: {error}", where=str(path)) from error
        self._state_size = self._function("state_size", ctypes.c_size_t)
        self._init = self._function("init", None, ctypes.c_void_p)
        self._run_batch = self._function(
            "run_batch", None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int64,
            ctypes.POINTER(_Results),
        )  # fmt: skip
        maps = (_Map * self.sizes["MAPS"]).in_dll(self.library, f"{self.prefix}_maps")
        self.maps = [(m.label.decode(), m.offset, (m.channels, m.height, m.width)) for m in maps]
        labels = (ctypes.c_char_p * self.sizes["LAYERS"]).in_dll(
            self.library, f"{self.prefix}_layer_labels"
        )
        self.labels = [label.decode() for label in labels]
        self.threads = os.cpu_count() or 1
        self._states = ctypes.create_string_buffer(self._state_size() * self.threads)

    @classmethod
    def from_module(cls, module: ModuleOp, cache: Path, options: Sequence[str] = FAST) -> CEngine:
        """The engine of a module that holds a scheduled program."""
        from snnir.backends.c import c_sources

        return cls(c_sources(module), cache, options)

    @classmethod
    def from_folder(cls, folder: Path, cache: Path) -> CEngine:
        """The engine of printed sources in a folder."""
        try:
            sources = {name: (folder / name).read_text() for name in _LIBRARY_FILES}
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(error.filename)) from error
        return cls(sources, cache)

    def _function(self, name: str, result, *arguments):
        function = getattr(self.library, f"{self.prefix}_{name}")
        function.restype, function.argtypes = result, list(arguments)
        return function

    def run(
        self,
        frames: np.ndarray,
        record: bool = True,
        count: bool = True,
        ddr: Ddr = DDR,
    ) -> EngineResult:
        """Run images.

        Args:
            frames: uint8 (N, H, W, C), the machine's input.
            record: keep the trains of all layers.
            count: count clocks (by the formulas of docs/machine.md) and events.
            ddr: where weights come from, for the clocks of a program that streams them.

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
        number, batch = len(frames), sizes["BATCH"]
        batches = np.ascontiguousarray(frames_of_batches(frames, batch))
        groups = len(batches)
        potentials = np.zeros((groups * batch, sizes["OUTPUTS"]), np.int32)
        cycles = np.zeros(groups, np.int64)
        layer_cycles = np.zeros((groups, sizes["LAYERS"]), np.int64)
        layer_events = np.zeros((groups, sizes["LAYERS"]), np.int64)
        trains = np.zeros((groups * batch if record else 0, sizes["TRAINS"]), np.uint16)
        self._prepare(count, ddr)
        results = _Results(
            potentials.ctypes.data,
            cycles.ctypes.data,
            layer_cycles.ctypes.data,
            layer_events.ctypes.data,
            trains.ctypes.data if record else None,
        )
        start = time.perf_counter()
        self._run_batch(
            self._states, self.threads, batches.ctypes.data, groups, ctypes.byref(results)
        )
        seconds = time.perf_counter() - start
        return EngineResult(
            potentials=potentials[:number].astype(np.int64),
            trains=self._views(trains[:number]) if record else {},
            cycles=cycles if count else None,
            layer_cycles=self._by_label(layer_cycles) if count else {},
            events=self._by_label(layer_events),
            seconds=seconds,
            batch=batch,
        )

    def _prepare(self, count: bool, ddr: Ddr) -> None:
        """Every thread's state: `counting` is the first member, those of the DDR the next two."""
        size = self._state_size()
        members = [int(count)]
        if "RING" in self.sizes or "MAP_EVENTS" in self.sizes:
            members += [ddr.latency, ddr.rate]
        for thread in range(self.threads):
            address = ctypes.addressof(self._states) + thread * size
            self._init(address)
            (ctypes.c_int * len(members)).from_address(address)[:] = members

    def _views(self, trains: np.ndarray) -> dict[str, np.ndarray]:
        views = {}
        for label, offset, dims in self.maps:
            size = int(np.prod(dims))
            views[label] = trains[:, offset : offset + size].reshape(len(trains), *dims)
        return views

    def _by_label(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Sums of the rows of each label."""
        found: dict[str, np.ndarray] = {}
        for label, column in zip(self.labels, values.T, strict=True):
            found[label] = found[label] + column if label in found else column
        return found
