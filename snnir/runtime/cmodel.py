"""The C engine: builds the printed program as a shared library and runs images on all cores."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snnir.analysis.windows import count_windows
from snnir.runtime.engine import EngineResult, Stop, WindowResult
from snnir.runtime.library import PrintedLibrary
from snnir.schedule.batch import frames_of_batches
from snnir.schedule.loading import DDR, Ddr

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp


class _Results(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("potentials", "cycles", "layer_cycles", "layer_events", "trains")
    ]


_STOP = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32, ctypes.POINTER(ctypes.c_int32)
)


def _stopper(stop: Stop | None, outputs: int):
    """A function for the C program that asks `stop`."""
    if stop is None:
        return _STOP()

    def ask(_context, sample: int, window: int, potentials) -> int:
        values = np.ctypeslib.as_array(potentials, (outputs,)).astype(np.int64)
        return int(bool(stop(WindowResult(sample, window, values))))

    return _STOP(ask)


class CEngine(PrintedLibrary):
    """The printed C program of a network, loaded.

    Args:
        sources: file name to text, as `c_sources` gives them or as they lie in a build folder.
        cache: folder for the library.
        options: of the compiler, see `build_library`.

    Raises:
        UserError: it cannot be built or loaded.
    """

    name = "c"
    FILES = ("model.h", "model.c", "weights.c")

    def __init__(
        self, sources: Mapping[str, str], cache: Path, options: Sequence[str] | None = None
    ):
        super().__init__(sources, cache, options)
        self._state_size = self.function("state_size", ctypes.c_size_t)
        self._init = self.function("init", None, ctypes.c_void_p)
        self._run_batch = self.function(
            "run_batch", None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int64,
            ctypes.POINTER(_Results),
        )  # fmt: skip
        labels = (ctypes.c_char_p * self.sizes["LAYERS"]).in_dll(
            self.library, f"{self.prefix}_layer_labels"
        )
        self.labels = [label.decode() for label in labels]
        self.windows = self.sizes.get("WINDOWS", 1)
        if self.windows != 1:
            self._run_samples = self.function(
                "run_samples", None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
                ctypes.c_int64, ctypes.c_int32, ctypes.POINTER(_Results), ctypes.c_void_p, _STOP,
                ctypes.c_void_p,
            )  # fmt: skip
        self._states = ctypes.create_string_buffer(self._state_size() * self.threads)

    @classmethod
    def from_module(
        cls, module: ModuleOp, cache: Path, options: Sequence[str] | None = None
    ) -> CEngine:
        """The engine of a module that holds a scheduled program."""
        from snnir.backends.c import c_sources

        return cls(c_sources(module), cache, options)

    def run(
        self,
        frames: np.ndarray,
        record: bool = True,
        count: bool = True,
        ddr: Ddr = DDR,
        windows: int | None = None,
        stop: Stop | None = None,
    ) -> EngineResult:
        """Run images.

        Args:
            frames: uint8 (N, H, W, C), the machine's input.
            record: keep the trains of all layers.
            count: count clocks (by the formulas of docs/machine.md) and events.
            ddr: where weights come from, for the clocks of a program that streams them.
            windows: so many frames, one behind the other, are one sample of a program of windows;
                as many as it says, or all, if not given.
            stop: called behind each window of a sample, says whether the sample is decided; its
                other windows are not run then, and their results are 0.

        Raises:
            UserError: the frames have another shape or type, or are no such windows.
        """
        sizes = self.sizes
        self.check(frames)
        number, batch = len(frames), sizes["BATCH"]
        windows = count_windows(self.windows, windows, number)
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
        spent = None
        if self.windows == 1:
            self._run_batch(
                self._states, self.threads, batches.ctypes.data, groups, ctypes.byref(results)
            )
        else:
            spent = np.zeros(number // windows, np.int32)
            self._run_samples(
                self._states, self.threads, batches.ctypes.data, len(spent), windows,
                ctypes.byref(results), spent.ctypes.data, _stopper(stop, sizes["OUTPUTS"]), None,
            )  # fmt: skip
        seconds = time.perf_counter() - start
        return EngineResult(
            potentials=potentials[:number].astype(np.int64),
            trains=self._views(trains[:number]) if record else {},
            cycles=cycles if count else None,
            layer_cycles=self._by_label(layer_cycles) if count else {},
            events=self._by_label(layer_events),
            seconds=seconds,
            batch=batch,
            windows=windows,
            spent=spent,
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
