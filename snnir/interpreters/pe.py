"""Runs a scheduled `pe.program` on a batch of images, from its tables and memory images alone.

Event and pointer memories, weight banks and run tables are addressed as docs/machine.md says, so a
wrong layout, place or run shows as a difference. One matrix product serves a run at all output
pixels of all images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.windows import count_windows
from snnir.dialects.pe import ProgramOp
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.hardware.timing import Timing, timing
from snnir.interpreters.neuron import run_window
from snnir.interpreters.pe_memory import MapMemory, word_of
from snnir.interpreters.pe_runs import run_of, walked_runs, window_of
from snnir.interpreters.windows import first_largest
from snnir.interpreters.words import packed, spike_count
from snnir.schedule.batch import frames_of_batches
from snnir.schedule.cycles import Loading, Mover, layer_clocks, loading_of, receive_clocks, visits
from snnir.schedule.loading import DDR, Ddr
from snnir.schedule.program import (
    PREVIOUS,
    READOUT,
    RECEIVE,
    STORE,
    Layer,
    ProgramTables,
    Tile,
)
from snnir.schedule.reading import read_program

CHUNK_BYTES = 64 << 20
"""How much the largest intermediate array may take; the batch is cut accordingly."""


class LayoutError(Exception):
    """The tables contradict each other: a fault of the compiler, never of the user."""


@dataclass
class ProgramResult:
    """What the machine made of N images.

    Args:
        potentials: int64 (N, outputs), in (channel, y, x) order.
        trains: label -> uint16 (N, C, H, W): `input`, each layer's trains, `<layer>.pool`.
        events: label -> int64 (N,) events consumed.
        layer_cycles: label -> int64 (N,) clocks of each layer, if counted; (batches,) where a
            program computes several images together.
    """

    potentials: np.ndarray
    trains: dict[str, np.ndarray] = field(default_factory=dict)
    events: dict[str, np.ndarray] = field(default_factory=dict)
    layer_cycles: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def cycles(self) -> np.ndarray | None:
        """int64 (N,) clocks of each image, or of each batch of them."""
        return sum(self.layer_cycles.values()) if self.layer_cycles else None


def program_of(module: ModuleOp) -> ProgramOp:
    """The one program of a module.

    Raises:
        UserError: if there is none, or more than one.
    """
    programs = [op for op in module.walk() if isinstance(op, ProgramOp)]
    if len(programs) != 1:
        raise UserError(
            f"the module has {len(programs)} pe.program, exactly one can run",
            hint="run tile-to-pe first" if not programs else None,
        )
    return programs[0]


def neurons_of(module: ModuleOp) -> dict[str, NeuronOp]:
    """The neurons that a module defines, by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, NeuronOp)}


def run_program(
    module: ModuleOp,
    frames: np.ndarray,
    *,
    count_cycles: bool = False,
    keep_trains: bool = True,
    ddr: Ddr = DDR,
    windows: int | None = None,
) -> ProgramResult:
    """Runs the scheduled program of a module.

    Args:
        frames: uint8 (N, H, W, C): pixels in the order in which the machine receives them.
        count_cycles: whether to count clocks too, which takes a Python step per run.
        keep_trains: whether to return the trains, which may be large.
        ddr: where weights come from, for the clocks of a program that streams them.
        windows: so many frames, one behind the other, are one sample of a program of windows; as
            many as it says, or all, if not given.

    Raises:
        UserError: the program is not scheduled, or the frames do not fit it.
    """
    tables = read_program(program_of(module))
    neurons = neurons_of(module)
    channels, height, width = tables.image
    frames = np.asarray(frames)
    if frames.shape[1:] != (height, width, channels) or len(frames) == 0:
        raise UserError(
            f"frames have shape {frames.shape}, "
            f"the machine takes (N, {height}, {width}, {channels})"
        )
    windows = count_windows(tables.windows, windows, len(frames))
    chunk = max(1, _images_at_once(tables, count_cycles) // windows) * windows
    clocks = timing(tables, neurons) if count_cycles else None
    batches = frames_of_batches(frames, tables.batch)
    parts = [
        _run_samples(
            _Machine(tables.unrolled, neurons, clocks, keep_trains, ddr),
            batches[at : at + chunk],
            windows,
        )
        for at in range(0, len(batches), chunk)
    ]
    whole = _joined(parts, np.concatenate)
    whole.trains = {key: words[: len(frames)] for key, words in whole.trains.items()}
    whole.potentials = whole.potentials[: len(frames)]
    return whole


def _joined(parts: list[ProgramResult], join: Callable) -> ProgramResult:
    """Results as one, each array of them by `join`."""
    joined = {
        name: {
            key: join([getattr(part, name)[key] for part in parts])
            for key in getattr(parts[0], name)
        }
        for name in ("trains", "events", "layer_cycles")
    }
    return ProgramResult(join([part.potentials for part in parts]), **joined)


def _run_samples(machine: _Machine, frames: np.ndarray, windows: int) -> ProgramResult:
    """Runs the windows of samples one after another, all samples side by side."""
    if windows == 1:
        return machine.run(frames)
    parts = [machine.run(frames[window::windows], window == 0) for window in range(windows)]

    def join(arrays: list[np.ndarray]) -> np.ndarray:
        return np.stack(arrays, axis=1).reshape(len(frames), *arrays[0].shape[1:])

    return _joined(parts, join)


def _images_at_once(tables: ProgramTables, count_cycles: bool) -> int:
    largest = tables.event_depth * tables.array.banks * 2
    for layer in tables.layers:
        pixels = layer.height * layer.width
        largest = max(largest, pixels * tables.array.planes * (layer.channels + 64) * 8)
        if count_cycles:
            tiles = tables.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
            walked = len(visits(layer)) * sum(tile.run_count for tile in tiles)
            largest = max(largest, walked * tables.array.banks * 8)
    return max(1, CHUNK_BYTES // largest)


class _Machine:
    """The memories of N machines side by side, and what runs on them: a batch on each."""

    def __init__(
        self,
        tables: ProgramTables,
        neurons: Mapping[str, NeuronOp],
        clocks: Timing | None,
        keep_trains: bool,
        ddr: Ddr,
    ):
        self.tables = tables
        self.neurons = neurons
        self.clocks = clocks
        self.keep_trains = keep_trains
        self.ddr = ddr
        self.loading: Loading | None = None
        # Integers up to 2^24 are exact in float32, in which matrix products are fastest.
        self.dtype = np.float32 if tables.array.acc_bits <= 24 else np.float64
        self.weights = tables.weights.astype(self.dtype)
        self.result = ProgramResult(np.zeros((0, 0), np.int64))
        self.states: dict[str, list[np.ndarray]] = {}
        self.first, self.parity = True, 1

    def run(self, frames: np.ndarray, first: bool = True) -> ProgramResult:
        """Runs an image of each machine; the `first` window of a sample, or the next one."""
        tables = self.tables
        self.images = len(frames)
        self.result = ProgramResult(np.zeros((0, 0), np.int64))
        self.first, self.parity = first, 1 - self.parity
        if first:
            self.states = {}
            self.maps = MapMemory(tables, self.images)
        if self.clocks is not None:
            self.loading = loading_of(tables, self.images, self.ddr)
        potentials: list[list[np.ndarray]] = [[] for _ in range(tables.batch)]
        self.mover = Mover(self.images, self.ddr)
        self.clock = np.zeros(self.images, np.int64)
        for moves, layer in tables.steps:
            for move in moves:
                self.maps.move(move)
                self.mover.move(move.move, move.kind == STORE, self.clock)
            if layer.kind == RECEIVE:
                image = frames[:, layer.image].transpose(0, 3, 1, 2)
                pixels = np.ascontiguousarray(image).astype(np.uint16)
                if tables.levels:
                    pixels = packed([pixels > level for level in tables.levels])
                self.keep("input", layer, pixels)
                self.maps.write(self.placed(layer), word_of(layer, pixels), layer.channels)
                self.count(layer, None, None)
                continue
            currents = self.currents(layer)
            spikes, membrane = self.fire(layer, currents)
            if layer.kind == READOUT:
                potentials[layer.image].append(membrane.reshape(self.images, -1))
                continue
            trains = self.pack(layer, spikes)
            self.keep(layer.label, layer, trains)
            if layer.is_pooled:
                trains = self.pool(layer, trains)
                self.keep(f"{layer.label}.pool", layer, trains)
            block = tables.tiles[layer.tile_first].channels
            self.maps.write(self.placed(layer), trains, block)
        whole = np.stack([np.concatenate(part, axis=1) for part in potentials], axis=1)
        self.result.potentials = whole.reshape(self.images * tables.batch, -1)
        return self.result

    def placed(self, layer: Layer) -> Layer:
        """A layer whose map lies where it does in this window."""
        if self.tables.recurs and layer.by_image and self.parity:
            return layer.at_second_place(self.tables.window_stride)
        return layer

    def keep(self, label: str, layer: Layer, trains: np.ndarray) -> None:
        """Notes trains of a row: those of an image of each batch, of some of the channels."""
        if not self.keep_trains:
            return
        if self.tables.batch == 1:
            self.result.trains[label] = trains
            return
        images, channels, height, width = trains.shape
        if label not in self.result.trains:
            self.result.trains[label] = np.zeros(
                (images * self.tables.batch, 0, height, width), np.uint16
            )
        whole = self.result.trains[label]
        missing = layer.first_channel + channels - whole.shape[1]
        if missing > 0:
            whole = np.pad(whole, ((0, 0), (0, missing), (0, 0), (0, 0)))
            self.result.trains[label] = whole
        by_batch = whole.reshape(images, self.tables.batch, *whole.shape[1:])
        by_batch[:, layer.image, layer.first_channel : layer.first_channel + channels] = trains

    # Accumulators ------------------------------------------------------------------------------

    def currents(self, layer: Layer) -> np.ndarray:
        """Plane currents (planes, N, C, H, W) of a layer: the accumulators of all pixels."""
        tables = self.tables
        tiles = tables.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
        planes = tables.modes[layer.mode].planes
        shape = (planes, self.images, layer.height, layer.width)
        found, walked = [], []
        # Tiles that walk the same runs differ in weights only: one product serves all of them.
        for _, group in groupby(tiles, key=lambda tile: (tile.run_first, tile.run_count)):
            together = list(group)
            currents, events = self.walk(layer, together, shape)
            channels = self.tables.array.channels
            for index, tile in enumerate(together):
                first = index * channels
                found.append(currents[..., first : first + tile.channels])
                walked.append((tile, events))
        self.count(layer, walked, visits(layer))
        joined = np.concatenate(found, axis=-1)
        limit = 1 << (tables.array.acc_bits - 1)
        if joined.min(initial=0) < -limit or joined.max(initial=0) >= limit:
            raise LayoutError(
                f"{layer.label}: an accumulator leaves its {tables.array.acc_bits} bits"
            )
        return np.moveaxis(joined, -1, 2).astype(np.int64)

    def walk(self, layer: Layer, tiles: list[Tile], shape) -> tuple[np.ndarray, np.ndarray]:
        """Accumulators (planes, N, H, W, tiles * C) and events (N, H, W, runs, K) of some tiles."""
        tables, banks = self.tables, self.tables.array.banks
        acc = np.zeros((*shape, len(tiles) * tables.array.channels), self.dtype)
        runs = tables.runs[tiles[0].run_first : tiles[0].run_first + tiles[0].run_count]
        events = np.zeros((*shape[1:], len(runs), banks), np.int32)
        begins = True
        for index, row in enumerate(runs):
            run = run_of(tables, layer, row, self.parity)
            if begins and run["shift"]:
                acc *= 1 << run["shift"]
            begins = bool(run["phase_end"])
            self.add_run(layer, tiles, run, acc, events[:, :, :, index])
        return acc, events

    def add_run(self, layer: Layer, tiles: list[Tile], run: dict[str, int], acc, events) -> None:
        """Adds one run at all output pixels; notes the events that it meets in each bank."""
        banks = self.tables.array.banks
        window = window_of(layer, run)
        if window is None or (self.first and run["by_image"] == PREVIOUS):
            return
        oy, ox, x0, low, high = window
        pixels = np.ix_(np.arange(self.images), oy, ox)
        events[pixels] = counts = self.maps.events_of(run, oy, low, high)
        starts = run["event_base"] + oy * run["event_stride"]
        pitch = int(self.maps.pitch_at[starts[0]])
        position = x0[:, None] * pitch + np.arange(run["length"] * pitch)
        inside = (position >= low[:, None] * pitch) & (position < high[:, None] * pitch)
        slot = starts[:, None, None] * banks + np.where(inside, position, 0)
        words = np.where(inside, self.maps.rows[:, slot], 0)
        if not np.array_equal((words != 0).sum(-1), counts.sum(-1)):
            raise LayoutError(f"{layer.label}: pointers and event lists disagree")
        weights = self.fetch(layer, tiles, run, ox, position, words)
        steps = len(acc)
        shifts = np.arange(steps - 1, -1, -1).reshape(-1, 1, 1, 1, 1)
        early = max(0, -run["delay"])
        words = words.astype(np.int32) << early
        bits = ((words >> (shifts + run["delay"] + early)) & 1).astype(self.dtype)
        # (ox, planes * images * oy, positions) times (ox, positions, channels)
        left = np.moveaxis(bits, 3, 0).reshape(len(ox), -1, position.shape[1])
        product = (left @ weights).reshape(len(ox), steps, self.images, len(oy), -1)
        acc[np.ix_(np.arange(steps), np.arange(self.images), oy, ox)] += np.moveaxis(product, 0, 3)

    def fetch(self, layer: Layer, tiles: list[Tile], run, ox, position, words) -> np.ndarray:
        """(ox, positions, tiles * C): the weight row that an event at each position fetches."""
        banks = self.tables.array.banks
        held = position if run["by_bank"] else position // banks
        row = run["row_base"] - ox[:, None] * run["row_stride"] + held
        parts = []
        for tile in tiles:
            address = tile.weights + row
            exists = (address >= 0) & (address < self.weights.shape[1])
            if words[:, :, ~exists].any():
                raise LayoutError(f"{layer.label}: an event fetches a row that does not exist")
            parts.append(self.weights[position % banks, np.where(exists, address, 0)])
        return np.concatenate(parts, axis=-1)

    # Neurons -----------------------------------------------------------------------------------

    def fire(self, layer: Layer, currents: np.ndarray):
        mode = self.tables.modes[layer.mode]
        params: dict[str, np.ndarray] = {}
        for name in self.neurons[mode.neuron].param_names:
            column = self.tables.params[name]
            tiles = self.tables.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
            params[name] = np.concatenate(
                [column[tile.params : tile.params + tile.channels] for tile in tiles]
            )
        spikes, states = run_window(
            self.neurons[mode.neuron],
            list(currents),
            params,
            self.states.get(layer.label),
            coding=mode.coding,
            steps_in=mode.planes,
            steps_out=mode.steps,
            fraction=mode.fraction,
            rate=mode.rate,
        )
        if layer.kept:
            self.keep_states(layer, states)
        return spikes, states[0]

    def keep_states(self, layer: Layer, states: list[np.ndarray]) -> None:
        """States as the state memory holds them."""
        for state, bits in zip(states, layer.kept, strict=True):
            used = state[..., layer.visited()]
            if used.min() < -(1 << (bits - 1)) or used.max() >= 1 << (bits - 1):
                raise LayoutError(f"{layer.label}: a state that is kept leaves its {bits} bits")
        self.states[layer.label] = states

    def pack(self, layer: Layer, spikes: list[np.ndarray]) -> np.ndarray:
        """Trains as words; pixels that no pooling window needs are never computed."""
        return np.where(layer.visited(), packed(spikes), 0).astype(np.uint16)

    def pool(self, layer: Layer, trains: np.ndarray) -> np.ndarray:
        keys = trains.astype(np.int32)
        if self.tables.modes[layer.mode].rate:
            keys = spike_count(trains, layer.steps)
        # Only the front padding is stored: behind, windows end with the pooled size.
        bottom, right = (
            (pooled - 1) * stride + kernel - before - extent
            for pooled, stride, kernel, before, extent in (
                (layer.pool_height, layer.strides[0], layer.kernel[0], layer.pads[0], layer.height),
                (layer.pool_width, layer.strides[1], layer.kernel[1], layer.pads[1], layer.width),
            )
        )
        pads = (*layer.pads, bottom, right)
        return first_largest(trains, keys, kernel=layer.kernel, strides=layer.strides, pads=pads)

    # Counts ------------------------------------------------------------------------------------

    def count(self, layer: Layer, walked, pixels: np.ndarray | None) -> None:
        """Events, and clocks where they are wanted, of a layer."""
        if walked is not None:
            seen = [events[:, pixels[:, 0], pixels[:, 1]] for _, events in walked]
            events = sum(part.sum(axis=(1, 2, 3), dtype=np.int64) for part in seen)
            self.result.events[layer.label] = self.result.events.get(layer.label, 0) + events
        if self.clocks is None:
            return
        waited = sum(self.mover.waits(self.clock, layer.waits))
        if self.loading is not None:
            self.loading.advance(waited)
        if walked is None:
            clocks = np.full(self.images, receive_clocks(layer, self.clocks.receive))
        else:
            clocks = layer_clocks(
                walked_runs(self.tables, layer.tile_first, [tile for tile, _ in walked], seen),
                self.tables.array.fifo,
                self.clocks.resolve,
                self.clocks.flush,
                loading=self.loading,
                keeps=layer.keeps,
            )
        if self.loading is not None:
            self.loading.advance(clocks)
        clocks = clocks + waited
        self.clock = self.clock + clocks
        found = self.result.layer_cycles
        found[layer.label] = found.get(layer.label, 0) + clocks
