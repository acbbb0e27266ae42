"""Batches: images that share the weights from DDR, equal in interpreter, C and Verilog."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.backends.memory import weight_stream
from snnir.errors import UserError
from snnir.interpreters.pe import program_of, run_program
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.runtime.cmodel import CEngine
from snnir.runtime.losses import count_losses, losses_of_counters
from snnir.runtime.rtl import RtlEngine
from snnir.runtime.timeline import model_timeline, rtl_timeline
from snnir.schedule.batch import frames_of_batches
from snnir.schedule.loading import Ddr
from snnir.schedule.program import READOUT, RECEIVE
from snnir.schedule.reading import read_program

SLOW = Ddr(9, 40)

CASES = [
    # seed, images together, number of the first shared layer, ports
    (1, 3, 1, 1),
    (2, 2, 0, 1),
    (9, 4, 3, 2),
    (11, 8, 0, 2),
]


def batched(seed: int, batch: int, first: int, ports: int = 1):
    """A random network that shares weights from layer number `first` on, and 5 images."""
    network = network_from_seed(seed, images=5)
    banks = max(network.options.get("banks", 0), ports)
    options = {**network.options, "banks": banks, "channels": 4 * ports, "ports": ports}
    TileToPePass(**options, weights="stream").apply(Context(), network.module)
    labels = [layer.label.data for layer in program_of(network.module).layers]
    label = labels[min(first, len(labels) - 1)] if batch > 1 else ""
    EventSchedulePass(batch=batch, shared_from=label).apply(Context(), network.module)
    network.module.verify()
    VerifyPeSchedulePass().apply(Context(), network.module)
    return network.module, network.frames


def assert_same(found, expected):
    assert np.array_equal(found.potentials, expected.potentials)
    assert found.trains.keys() == expected.trains.keys()
    for label, words in expected.trains.items():
        assert np.array_equal(found.trains[label], words), label


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_makes_the_trains_of_its_images(case):
    seed, _, _, ports = case
    alone = run_program(*batched(seed, 1, 0, ports))
    assert_same(run_program(*batched(*case)), alone)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_c_counts_the_clocks_of_batches(case, tmp_path):
    module, frames = batched(*case)
    expected = run_program(module, frames, count_cycles=True, ddr=SLOW)
    found = CEngine.from_module(module, tmp_path, ("-O1",)).run(frames, ddr=SLOW)
    assert_same(found, expected)
    assert found.batch == case[1] and len(found.cycles) == -(-5 // case[1])
    assert np.array_equal(found.cycles, expected.cycles)
    for label, clocks in expected.layer_cycles.items():
        assert np.array_equal(found.layer_cycles[label], clocks), label


@pytest.mark.parametrize("case", CASES, ids=str)
def test_verilog_computes_batches(case, tmp_path):
    """With a steady DDR the clocks are those of C; one that pauses changes nothing but these."""
    module, frames = batched(*case)
    expected = CEngine.from_module(module, tmp_path, ("-O1",)).run(frames, ddr=SLOW)
    engine = RtlEngine.from_module(module, tmp_path)
    found = engine.run(frames, ddr=SLOW, counted=True)
    assert_same(found, expected)
    assert np.array_equal(found.cycles, expected.cycles)
    for label, clocks in expected.layer_cycles.items():
        assert np.array_equal(found.layer_cycles[label], clocks), label
    assert_same(engine.run(frames, ddr=SLOW, ddr_pauses=7, seed=3), expected)


def test_rows_of_a_batch():
    """Image by image in front, tile by tile behind; each tile is loaded once for all."""
    module, _ = batched(9, 4, 3)
    tables = read_program(program_of(module))
    rows = tables.unrolled
    assert tables.batch == 4 and rows.unrolled is rows
    assert [layer.image for layer in rows.layers if layer.kind == RECEIVE] == sorted(
        list(range(4)) * sum(layer.kind == RECEIVE for layer in tables.layers)
    )
    for layer in tables.layers[tables.shared :]:
        mine = [row for row in rows.layers if row.label == layer.label]
        assert [row.image for row in mine] == list(range(4)) * layer.tile_count
        assert [row.keeps for row in mine] == [True, True, True, False] * layer.tile_count
        assert sum(row.channels for row in mine) == 4 * layer.channels
    assert rows.potentials == 4 * tables.potentials
    assert rows.layers[-1].kind == READOUT and rows.layers[-1].image == 3
    in_front = sum(tile.rows for tile in tables.tiles[: tables.layers[tables.shared].tile_first])
    whole = sum(tile.rows for tile in tables.tiles)
    assert rows.weights.shape[1] == whole + 3 * in_front
    assert len(weight_stream(tables)) == len(weight_stream(rows))
    assert len(weight_stream(rows)) > len(weight_stream(replace(tables, batch=1)))


def test_sharing_saves_what_loading_takes():
    """With a slow DDR, eight images take less time together than one after another."""
    clocks = {}
    for batch in (1, 2, 4):
        module, frames = batched(9, batch, 0)
        frames = np.concatenate([frames, frames])[:8]
        found = run_program(module, frames, count_cycles=True, ddr=Ddr(40, 2))
        clocks[batch] = int(found.cycles.sum())
    assert clocks[4] < 0.5 * clocks[1] and clocks[2] < 0.7 * clocks[1]


def test_the_last_image_fills_up_a_batch():
    frames = np.arange(5)[:, None]
    filled = frames_of_batches(frames, 3)
    assert filled.tolist() == [[[0], [1], [2]], [[3], [4], [4]]]
    assert frames_of_batches(frames, 5).shape == (1, 5, 1)


@pytest.mark.parametrize("seed, images", [(0, 1), (9, 2), (20, 3)])
def test_a_batch_is_chosen_where_loading_is_the_limit(seed, images):
    """As small as comes near the fastest; one image where computing takes longer."""
    network = network_from_seed(seed, images=1)
    TileToPePass(banks=2, channels=4, weights="stream").apply(Context(), network.module)
    EventSchedulePass(batch=0).apply(Context(), network.module)
    assert program_of(network.module).images == images


def test_nothing_is_shared_on_the_chip():
    network = network_from_seed(9, images=1)
    TileToPePass(banks=2, channels=4, weights="onchip").apply(Context(), network.module)
    EventSchedulePass(batch=0).apply(Context(), network.module)
    assert program_of(network.module).batch is None
    with pytest.raises(UserError, match="batch=2 shares weights from DDR"):
        EventSchedulePass(batch=2).apply(Context(), network.module)


def test_where_the_clocks_of_a_batch_go(tmp_path):
    """The model and the counters of the Verilog agree, by layer and in all."""
    module, frames = batched(9, 4, 3)
    tables = read_program(program_of(module))
    engine = RtlEngine.from_module(module, tmp_path)
    found = engine.run(frames, ddr=SLOW, counted=True)
    counted = losses_of_counters(tables, found.counted)
    assert counted == count_losses(tables, module, found.trains, SLOW)
    assert counted["samples"] == 8 and counted["total"]["weights"] > 0
    told = list(rtl_timeline(tables, found.counted))
    for model, rtl in zip(model_timeline(tables, module, found.trains, SLOW), told, strict=True):
        assert (rtl.begin, rtl.clocks) == (model.begin, model.clocks)
        taken = [load for load in model.loads if load[2]]
        assert list(rtl.loads) == taken
