"""The models behind the search against what the compiler, the C program and the loader say."""

import numpy as np
import pytest
from c_programs import parse
from random_networks import network_from_seed

from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.interpreters.pe import program_of
from snnir.interpreters.snn import run_snn
from snnir.pipeline.run import run_pipeline
from snnir.runtime.cmodel import CEngine
from snnir.schedule.loading import Ddr, Loader, choose_ring, row_layout
from snnir.schedule.memories import memories
from snnir.schedule.reading import read_program
from snnir.tiling.clocks import Activity, Estimator, loaded_clocks
from snnir.tiling.layers import plan_network
from snnir.tiling.memory_estimate import memories_of
from snnir.tiling.shape import shape_of


def scheduled(network):
    """(shape, tables, module) of a random network; skips what the machine does not have."""
    module = parse(str(network.module))
    plan = plan_network(module)
    try:
        run_pipeline(network.module, network.pipeline)
    except UserError as error:
        pytest.skip(error.what)
    tables = read_program(program_of(network.module))
    return shape_of(plan, tables.array.weight_bits), tables, network.module


@pytest.mark.parametrize("seed", range(30))
def test_rows_are_those_that_tiles_get(seed):
    network = network_from_seed(seed)
    shape, tables, _ = scheduled(network)
    found = Estimator(shape).rows(tables.array)
    real = [tile.rows for tile in tables.tiles if tile.run_count]
    assert len(found) == len(real)
    # Rows that hold nothing but zeros are left out of a program.
    assert all(mine >= theirs for mine, theirs in zip(found, real, strict=True))


@pytest.mark.parametrize("seed", range(30))
def test_memories_are_those_of_the_schedule(seed):
    network = network_from_seed(seed)
    shape, tables, _ = scheduled(network)
    found = {m.name: m for m in memories_of(shape, tables.array, tables.weight_depth)}
    for memory in memories(tables):
        mine = found[memory.name]
        if memory.name in ("weights", "potentials"):
            assert (mine.count, mine.bits) == (memory.count, memory.bits)
        elif memory.name in ("events", "pointers"):
            # A stream of zeros is dropped, and with it perhaps the last use of a map.
            assert memory.width <= mine.width
            assert memory.depth <= mine.depth <= 1.25 * memory.depth
        elif memory.name == "parameters":
            assert (mine.width > 0) == (memory.width > 0)


def test_clocks_of_random_networks(tmp_path):
    """Small layers are mostly ends and beginnings: the worst case of an estimate."""
    errors = []
    for seed in range(12):
        network = network_from_seed(seed)
        trains = run_snn(network.module, network.images).trains
        try:
            shape, tables, module = scheduled(network)
        except pytest.skip.Exception:
            continue
        kept = tuple(trains[label] != 0 for label in shape.labels[1:])
        activity = Activity(trains["input"].astype(np.uint8), kept)
        found = sum(layer.total for layer in Estimator(shape, activity).layers(tables.array))
        counted = CEngine.from_module(module, tmp_path).run(network.frames).cycles
        errors += (found / counted - 1).tolist()
    # A program drops streams of nothing but zero weights, which no estimate knows of.
    assert np.median(np.abs(errors)) < 0.1 and np.abs(errors).max() < 0.6


@pytest.mark.parametrize("rate", [64, 200, 256])
@pytest.mark.parametrize("latency", [1, 40, 300])
@pytest.mark.parametrize("double", [True, False])
def test_loading_is_that_of_the_loader(rate, latency, double):
    random = np.random.default_rng(latency + rate)
    array = ArrayParameters(8, 16, 4, 4, 12, 16)
    rows = [0, *random.integers(4, 300, 30).tolist()]
    busy = random.integers(50, 4000, len(rows))
    ring = choose_ring(array, max(rows), 140) if double else 512
    beats, ddr = row_layout(array).beats, Ddr(latency, rate)
    loader, clock = Loader(rows, beats, ring, ddr), 0
    for tile, (count, clocks) in enumerate(zip(rows, busy, strict=True)):
        start = max(clock + 1, loader.ready(tile)) if count else clock
        clock = start + int(clocks)
        if count:
            loader.ended(tile, clock)
    tiles = [(count, np.array([float(clocks)])) for count, clocks in zip(rows, busy, strict=True)]
    found = loaded_clocks(tiles, [0] * len(rows), beats, ring, ddr)
    assert found[0] == pytest.approx(clock, rel=0.02)
