"""The rtl engine: the printed Verilog under Verilator, its traces brought into layers and maps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snnir.analysis.windows import count_windows
from snnir.backends.memory import weight_stream
from snnir.errors import UserError
from snnir.runtime.engine import EngineResult, check_frames
from snnir.runtime.testbench import Memory, Traces, build_simulator, simulate
from snnir.schedule.batch import frames_of_batches
from snnir.schedule.cycles import visits
from snnir.schedule.kept import KeptStates
from snnir.schedule.loading import DDR, Ddr
from snnir.schedule.program import FIRE, READOUT, RECEIVE, Layer, ProgramTables

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp


class RtlEngine:
    """The simulated hardware of a network.

    Args:
        folder: the Verilog files and memory images.
        tables: the program that they were made from; it says which train is whose.
        cache: folder for the simulator.

    Raises:
        UserError: the files are missing, or no simulator can be built.
    """

    name = "rtl"
    has_counters = False

    def __init__(self, folder: Path, tables: ProgramTables, cache: Path):
        self.folder, self.tables = folder.resolve(), tables.unrolled
        files = sorted(self.folder.glob("*.v"))
        if not files:
            raise UserError("no Verilog files", where=str(folder), hint="compile it again")
        core = self.folder / "core.v"
        self.has_counters = core.is_file() and "counter_images" in core.read_text()
        ports = tables.array.ports if tables.ring else 0
        kept = tables.windows != 1 and KeptStates(tables).depth > 0
        self.begins_samples = kept or tables.recurs
        self.simulator = build_simulator(
            files,
            cache / "verilator",
            ports=ports,
            counters=self.has_counters,
            maps=tables.moves,
            windows=self.begins_samples,
        )

    @classmethod
    def from_folder(cls, folder: Path, cache: Path, tables: ProgramTables) -> RtlEngine:
        """The engine of a build folder's Verilog."""
        return cls(folder, tables, cache)

    @classmethod
    def from_module(cls, module: ModuleOp, cache: Path) -> RtlEngine:
        """The engine of a module that holds a scheduled program; Verilog is written to `cache`."""
        from xdsl.context import Context

        from snnir.backends.memory import memory_images
        from snnir.backends.verilog import verilog_files
        from snnir.passes.convert_pe_to_hw import ConvertPeToHwPass

        hardware = module.clone()
        ConvertPeToHwPass().apply(Context(), hardware)
        folder = cache / "verilog"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (verilog_files(hardware) | memory_images(hardware)).items():
            (folder / name).write_text(text)
        return cls(folder, cls.tables_of(module), cache)

    @staticmethod
    def tables_of(module: ModuleOp) -> ProgramTables:
        """The tables of the scheduled program in a module."""
        from snnir.dialects.pe import ProgramOp
        from snnir.schedule.reading import read_program

        return read_program(next(op for op in module.body.ops if isinstance(op, ProgramOp)))

    def run(
        self,
        frames: np.ndarray,
        record: bool = True,
        seed: int = 0,
        counted: bool = False,
        ddr: Ddr = DDR,
        ddr_pauses: int = 0,
        ddr_fault: int = -1,
        ddr_fault_port: int = 0,
        maps_faults: tuple[int, int] = (-1, -1),
        maps_answer: int = 2,
        maps_bytes: int | None = None,
        reset: int = 0,
        windows: int | None = None,
        spent: np.ndarray | None = None,
    ) -> EngineResult:
        """Run images.

        Args:
            frames: uint8 (N, H, W, C), the machine's input.
            record: keep the trains of all layers.
            seed: other than 0, the streams pause at random.
            counted: keep what the counters say.
            ddr: where weights come from, if the core loads them.
            ddr_pauses: other than 0, a seed by which that memory pauses at random.
            ddr_fault: the beat that it answers with an error, -1 for none; at `ddr_fault_port`.
            maps_faults: of feature maps in DDR the beat that is read and the burst that is written
                that are answered with `maps_answer`, -1 for none.
            maps_bytes: bytes between their base and their limit, if not just as many as needed.
            reset: other than 0, the clock in which a core that moves maps is reset, to begin anew.
            windows: so many frames, one behind the other, are one sample of a program of windows;
                as many as it says, or all, if not given.
            spent: of each sample the windows that are run; all, if not given.

        Raises:
            UserError: the frames have another shape or type, counters are missing, or the
                simulation fails.
        """
        if counted and not self.has_counters:
            raise UserError(
                "the Verilog has no counters",
                where=str(self.folder),
                hint="make it without convert-pe-to-hw{counters=false} and for one program alone",
            )
        channels, height, width = self.tables.image
        check_frames(frames, (height, width, channels))
        start = time.perf_counter()
        memory = None
        if self.tables.ring or self.tables.moves:
            weights = weight_stream(self.tables) if self.tables.ring else b""
            maps = self.tables.maps_bytes if maps_bytes is None else maps_bytes
            memory = Memory(
                weights, ddr, ddr_pauses, ddr_fault, ddr_fault_port, maps, maps_faults, maps_answer,
                reset,
            )  # fmt: skip
        batches = frames_of_batches(frames, self.tables.batch)
        windows = count_windows(self.tables.windows, windows, len(frames))
        if self.tables.windows == 1:
            traces = self.simulate(batches, record, seed, memory, counted)
            return self.result(traces, len(frames), record, time.perf_counter() - start)
        whole = np.full(len(frames) // windows, windows)
        ran = (np.arange(windows) < (whole if spent is None else spent)[:, None]).ravel()
        firsts = (np.arange(len(frames)) % windows == 0)[ran] if self.begins_samples else None
        traces = self.simulate(batches[ran], record, seed, memory, counted, firsts)
        found = self.result(traces, int(ran.sum()), record, time.perf_counter() - start)
        found.windows, found.spent = windows, whole if spent is None else spent
        return found if spent is None else _spread(found, ran)

    def simulate(
        self,
        frames: np.ndarray,
        record: bool,
        seed: int,
        memory: Memory | None,
        counted: bool,
        firsts: np.ndarray | None = None,
    ) -> Traces:
        """What the hardware does with images, of which some are the first window of a sample."""
        return simulate(
            self.simulator,
            self.folder,
            frames,
            outputs=self.tables.potentials,
            layers=len(self.tables.layers),
            lanes=self.tables.array.drain,
            planes=self.tables.array.planes,
            record=record,
            counted=counted,
            seed=seed,
            memory=memory,
            firsts=firsts,
        )

    def result(self, traces: Traces, images: int, record: bool, seconds: float) -> EngineResult:
        """What the traces of some images mean."""
        rows = self.tables.layers
        cycles: dict[str, np.ndarray] = {}
        events: dict[str, np.ndarray] = {}
        for index, layer in enumerate(rows):
            computes = layer.kind in (FIRE, READOUT)
            for found, column in [(cycles, 0), (events, 1)] if computes else [(cycles, 0)]:
                found[layer.label] = found.get(layer.label, 0) + traces.layers[:, index, column]
        outputs = self.tables.potentials // self.tables.batch
        return EngineResult(
            potentials=traces.potentials.reshape(-1, outputs)[:images],
            trains=self._trains(traces, images) if record else {},
            cycles=traces.cycles,
            layer_cycles=cycles,
            events=events,
            seconds=seconds,
            counted=traces.counted,
            batch=self.tables.batch,
        )

    def _trains(self, traces: Traces, images: int) -> dict[str, np.ndarray]:
        """Label to uint16 (N, C, H, W), from the order in which the hardware makes trains."""
        layers, batches = self.tables.layers, len(traces.cycles)
        fired = _Cursor(traces.fired, batches, [self._fired(layer) for layer in layers])
        stored = _Cursor(traces.stored, batches, [self._stored(layer) for layer in layers])
        trains: dict[str, list[list[np.ndarray]]] = {}

        def keep(label: str, layer: Layer, words: np.ndarray) -> None:
            parts = trains.setdefault(label, [[] for _ in range(self.tables.batch)])
            parts[layer.image].append(words)

        for layer, first, second in zip(layers, fired, stored, strict=True):
            if layer.kind == RECEIVE:
                # One neuron per clock, in the first lane.
                size = layer.height, layer.width, layer.channels
                pixels = second[..., 0].reshape(batches, *size)
                word = (pixels.transpose(0, 3, 1, 2) << layer.word_shift).astype(np.uint16)
                whole = np.zeros((batches, *self.tables.image), np.uint16)
                whole[:, :, layer.image_row : layer.image_row + layer.height] = word
                keep("input", layer, whole)
            elif layer.kind == FIRE:
                size = layer.height, layer.width
                keep(layer.label, layer, self._map(layer, first, visits(layer), size))
                if layer.is_pooled:
                    size = layer.pool_height, layer.pool_width
                    order = np.argwhere(np.ones(size, bool))
                    keep(f"{layer.label}.pool", layer, self._map(layer, second, order, size))
        found = {}
        for label, parts in trains.items():
            # The words of a pixel are its bits, some rows of it may come again; the tiles of a map
            # are its channels.
            join = partial(np.concatenate, axis=1)
            if label == "input":
                join = np.bitwise_or.reduce
            whole = np.stack([join(part) for part in parts], axis=1).astype(np.uint16)
            found[label] = whole.reshape(-1, *whole.shape[2:])[:images]
        return found

    def _fired(self, layer: Layer) -> int:
        """Clocks in which trains or potentials of a layer leave the neurons."""
        if layer.kind not in (FIRE, READOUT):
            return 0
        return len(visits(layer)) * self._groups(layer)

    def _stored(self, layer: Layer) -> int:
        """Clocks in which trains of a layer are stored."""
        pixels = layer.pool_height * layer.pool_width
        if layer.kind == RECEIVE:
            return pixels * layer.channels
        return pixels * self._groups(layer) if layer.kind == FIRE else 0

    def _groups(self, layer: Layer) -> int:
        """Groups of channels that leave the shadow one by one, over all tiles."""
        tiles = self.tables.tiles[layer.tile_first :][: layer.tile_count]
        return sum(self.tables.array.drain_clocks(tile.channels) for tile in tiles)

    def _map(
        self, layer: Layer, trains: np.ndarray, order: np.ndarray, size: tuple[int, int]
    ) -> np.ndarray:
        """Trains in the order tile, pixel, channel become a map; a pixel seen twice is the same."""
        images = len(trains)
        result = np.zeros((images, layer.channels, *size), np.uint16)
        channel, first = 0, 0
        for tile in self.tables.tiles[layer.tile_first :][: layer.tile_count]:
            count = len(order) * self.tables.array.drain_clocks(tile.channels)
            part = trains[:, first : first + count].reshape(images, len(order), -1)
            part = part[..., : tile.channels]
            target = result[:, channel : channel + tile.channels]
            target[:, :, order[:, 0], order[:, 1]] = part.transpose(0, 2, 1)
            channel, first = channel + tile.channels, first + count
        return result


def _spread(result: EngineResult, ran: np.ndarray) -> EngineResult:
    """The results of the windows that ran at their places among all; 0 at the others."""

    def spread(values: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(ran), *values.shape[1:]), values.dtype)
        whole[ran] = values
        return whole

    for name in ("potentials", "cycles"):
        setattr(result, name, spread(getattr(result, name)))
    for name in ("trains", "layer_cycles", "events"):
        found = {label: spread(values) for label, values in getattr(result, name).items()}
        setattr(result, name, found)
    return result


class _Cursor:
    """Cuts the trains of all images into layers: iterates over (N, count, lanes) arrays."""

    def __init__(self, trains: np.ndarray, images: int, counts: Sequence[int]):
        if len(trains) != images * sum(counts):
            raise UserError(
                f"the hardware made {trains.size} trains, "
                f"the program has {images * sum(counts) * trains.shape[1]}"
            )
        self.trains, self.counts = trains.reshape(images, -1, trains.shape[1]), counts

    def __iter__(self) -> Iterator[np.ndarray]:
        first = 0
        for count in self.counts:
            yield self.trains[:, first : first + count]
            first += count
