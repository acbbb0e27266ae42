"""Walker, pool and writer on the tables of small programs, against what docs/machine.md says."""

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from snnir.dialects.pe import ProgramOp
from snnir.hardware.language.builder import Module, design
from snnir.hardware.pool import pool_module
from snnir.hardware.tables import HardwareTables
from snnir.hardware.walker import walker_columns, walker_module
from snnir.hardware.writer import COLUMNS, writer_module
from snnir.interpreters.comb import Simulator
from snnir.schedule.cycles import visits
from snnir.schedule.program import FIRE, RECEIVE, ProgramTables
from snnir.schedule.reading import read_program


def tables_of(module: ModuleOp) -> ProgramTables:
    return read_program(next(op for op in module.ops if isinstance(op, ProgramOp)))


def simulator(m: Module) -> Simulator:
    return Simulator(next(iter(design(m).body.block.ops)))


def row_of(tables: HardwareTables, layer: int, columns) -> dict[str, int]:
    """The stored columns of a row of the layer table, as unsigned integers."""
    layers = tables.layers
    return {
        key: int(layers.columns[key][layer]) & ((1 << layers.width(key)) - 1)
        for key in columns
        if key in layers.stored
    }


@pytest.mark.parametrize("seed", [1, 14, 18, 24, 31])
def test_walker_gives_every_run_of_every_pixel_in_order(seed, scheduled):
    program = tables_of(scheduled(seed)[0])
    tables, drain_clocks = HardwareTables(program), program.array.drain_clocks
    sim = simulator(walker_module(tables))
    rng = np.random.default_rng(seed)
    for index, layer in enumerate(program.layers):
        if layer.kind == RECEIVE:
            continue
        desc = row_of(tables, index, walker_columns(tables))
        tiles = program.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
        pixels = visits(layer).tolist()
        expected = [
            (tile.run_first + run, y, x, drain_clocks(tile.channels), run == tile.run_count - 1)
            for tile in tiles
            for y, x in pixels
            for run in range(tile.run_count)
        ]
        assert sim.step(desc, ready=1, go=1)["valid"] == 0
        assert sim.step(ready=0, go=0)["valid"] == 0  # the first tile is read
        seen, windows, gaps = [], 0, 0
        while len(seen) < len(expected):
            go = int(rng.random() < 0.8)
            out = sim.step(go=go)
            gaps += go and not out["valid"]
            if go and out["valid"]:
                drain = out["drain"] if "drain" in tables.tiles.stored else None
                entry = (out["run"], out["y"], out["x"], drain, bool(out["last_run"]))
                seen.append(entry)
                windows += out["last_run"] & out["window_last"]
                last = out["layer_last"] & out["window_last"] & out["last_run"]
                assert bool(last) == (len(seen) == len(expected))
        if "drain" not in tables.tiles.stored:
            expected = [(*entry[:3], None, entry[4]) for entry in expected]
        assert seen == expected and gaps == 0
        assert windows == layer.tile_count * layer.pool_height * layer.pool_width
        assert sim.step(go=1)["valid"] == 0


@pytest.mark.parametrize(
    "kind, size",
    [
        (RECEIVE, {}),
        (RECEIVE, {"banks": 4, "channels": 3, "drain": 2}),
        (FIRE, {"banks": 4, "channels": 3, "drain": 1}),
        (FIRE, {"banks": 4, "channels": 3, "drain": 2}),
        (FIRE, {"banks": 4, "channels": 5, "drain": 4}),
        (FIRE, {"banks": 8, "channels": 8, "drain": 4}),
    ],
)
def test_writer_appends_events_and_counts_them(kind, size, scheduled):
    program = tables_of(scheduled(23, **size)[0])
    tables = HardwareTables(program)
    banks, planes, lanes = program.array.banks, program.array.planes, program.array.drain
    sim = simulator(writer_module(tables))
    index, layer = next((i, x) for i, x in enumerate(program.layers) if x.kind == kind)
    channels, height, width = layer.channels, layer.pool_height, layer.pool_width
    # An image comes neuron by neuron, whatever the lanes; one block of a map is written here.
    channels = channels if kind == RECEIVE else min(channels, program.array.channels)
    together = 1 if kind == RECEIVE else lanes
    rng = np.random.default_rng(5)
    trains = rng.integers(0, 1 << planes, (height, width, channels))
    trains[rng.random(trains.shape) < 0.5] = 0
    sim.step(row_of(tables, index, COLUMNS), rst=1)
    sim.step(rst=0, ready=1)
    widths = {"event_address": tables.event_bits, "event_word": tables.position_bits + planes}
    events: dict[tuple[int, int], int] = {}
    pointers: dict[int, list[int]] = {}

    def clock(**inputs: int) -> None:
        out = sim.step(ready=0, **inputs)
        for k in range(banks):
            if out["event_we"] >> k & 1:
                address, word = (
                    out[key] >> (k * bits if lanes > 1 else 0) & ((1 << bits) - 1)
                    for key, bits in widths.items()
                )
                events[k, address] = word
        if out["pointer_we"]:
            mask = (1 << tables.count_bits) - 1
            counts = [out["counts"] >> (k * tables.count_bits) & mask for k in range(banks)]
            pointers[out["pointer_address"]] = counts

    for y in range(height):
        for x in range(width):
            for c in range(0, channels, together):
                if rng.random() < 0.2:
                    clock(valid=0)
                group = trains[y, x, c : c + together].tolist()
                last = {"last": int(c + together >= channels), "row_last": int(x == width - 1)}
                last |= {"alone": int(together == 1)} if lanes > 1 else {}
                word = sum(train << lane * planes for lane, train in enumerate(group))
                clock(valid=1, train=word, **last)
    for _ in range(4):
        clock(valid=0)

    expected_events, expected_pointers = {}, {}
    for y in range(height):
        counts = [0] * banks
        for x in range(width):
            for c in np.flatnonzero(trains[y, x]):
                n = x * layer.pitch + int(c)
                at = layer.place.events + y * layer.place.capacity + counts[n % banks]
                word = (n // banks) << planes | int(trains[y, x, c])
                expected_events[n % banks, at] = word
                counts[n % banks] += 1
            expected_pointers[layer.place.pointers + y * width + x] = list(counts)
    assert events == expected_events and pointers == expected_pointers


@pytest.mark.parametrize(
    "seed, size",
    [
        (2, {"drain": 1}),
        (6, {"drain": 1}),
        (14, {"banks": 2, "channels": 3, "drain": 2}),
        (14, {"banks": 4, "channels": 7, "drain": 4}),
    ],
)
def test_pool_keeps_the_first_of_the_greatest(seed, size, scheduled):
    program = tables_of(scheduled(seed, **size)[0])
    pooled = [layer for layer in program.layers if layer.is_pooled]
    tables = HardwareTables(program)
    rate = program.modes[pooled[0].mode].rate
    sim = simulator(pool_module(tables))
    rng = np.random.default_rng(seed)
    planes, lanes = program.array.planes, program.array.drain
    channels, window = min(lanes + 1, program.array.channels), 5
    groups = program.array.drain_clocks(channels)
    trains = rng.integers(0, 1 << planes, (window, channels))
    given = {"rate": int(rate)} if "rate" in tables.layers.stored else {}
    stored = []
    for step in range(window * groups + 2):
        n, group = divmod(step, groups)
        own = trains[n % window, group * lanes :][:lanes].tolist()
        if lanes > 1:
            given["used"] = (1 << len(own)) - 1
        own += [int(rng.integers(1 << planes)) for _ in range(lanes - len(own))]
        out = sim.step(
            valid=int(n < window), number=group,
            train=sum(train << lane * planes for lane, train in enumerate(own)),
            window_first=int(n == 0), window_last=int(n == window - 1), **given,
        )  # fmt: skip
        if out["store"]:
            stored += [
                out["stored"] >> lane * planes & ((1 << planes) - 1) for lane in range(lanes)
            ]
    value = int.bit_count if rate else int
    expected = [max(map(int, trains[:, c]), key=value) for c in range(channels)]
    assert stored == expected + [0] * (groups * lanes - channels)
