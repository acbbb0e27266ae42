"""What the counters of the simulated Verilog say is what the cycle model says, exactly."""

import shutil

import numpy as np
import pytest
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.backends.memory import memory_images
from snnir.backends.verilog import verilog_files
from snnir.errors import UserError
from snnir.hardware.counters import COUNTERS, longest_list
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import timing
from snnir.interpreters.pe import neurons_of, program_of
from snnir.interpreters.pe_schedule import schedules
from snnir.passes.convert_pe_to_hw import ConvertPeToHwPass
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.runtime import verilator
from snnir.runtime.losses import count_losses, losses_of_counters, model_losses, rtl_losses
from snnir.runtime.rtl import RtlEngine
from snnir.runtime.timeline import model_timeline, rtl_timeline
from snnir.runtime.trace import trace_events
from snnir.schedule.loading import DDR, Ddr
from snnir.schedule.program import RECEIVE
from snnir.schedule.reading import read_program

pytestmark = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)

SLOW = Ddr(latency=100, rate=33)
NETWORKS = [
    # seed, options of tile-to-pe, memories to try
    (14, {}, [DDR]),
    (1, {"banks": 2, "channels": 4, "drain": 1, "fifo": 2}, [DDR]),
    (23, {"banks": 4, "channels": 3, "drain": 2}, [DDR]),
    (37, {"banks": 4, "channels": 8, "drain": 4}, [DDR]),
    (9, {"weights": "stream", "ring": 32}, [DDR, SLOW, Ddr(3, 179)]),
    (11, {"weights": "stream", "ring": 64}, [DDR, SLOW]),
]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda p: f"{p[0]}-{len(p[1])}")
def ran(request, tmp_path_factory):
    """A network's module, its tables, and for each memory what the Verilog says of three images."""
    seed, options, memories = request.param
    net = network_from_seed(seed, images=3)
    TileToPePass(**(net.options | options)).apply(Context(), net.module)
    EventSchedulePass().apply(Context(), net.module)
    tables = read_program(program_of(net.module))
    engine = RtlEngine.from_module(net.module, tmp_path_factory.mktemp("rtl"))
    results = [(ddr, engine.run(net.frames, counted=True, ddr=ddr)) for ddr in memories]
    # Pauses of the streams change nothing within an image.
    if not tables.ring:
        results.append((DDR, engine.run(net.frames, counted=True, seed=1)))
    return net.module, tables, results


def test_losses_are_those_of_the_model(ran):
    module, tables, results = ran
    constants = timing(tables, neurons_of(module))
    for ddr, result in results:
        rows = list(schedules(tables, constants, result.trains, ddr))
        found = list(rtl_losses(tables, result.counted))
        assert [label for label, _, _ in found] == [row.layer.label for row in rows]
        for row, (_, clocks, parts) in zip(rows, found, strict=True):
            assert np.array_equal(clocks, row.clocks)
            expected = model_losses(tables, constants, row)
            assert {key: values.tolist() for key, values in parts.items()} == {
                key: values.tolist() for key, values in expected.items()
            }
        means = losses_of_counters(tables, result.counted)
        assert means == count_losses(tables, module, result.trains, ddr)


def test_every_clock_of_an_image_is_counted(ran):
    _, tables, results = ran
    banks = tables.array.banks
    for _, result in results:
        latched = result.counted.images
        assert latched["images"].tolist() == [1, 2, 3]
        assert np.array_equal(latched["clocks"], result.cycles)
        assert np.array_equal(latched["events"], sum(result.events.values()))
        assert (latched["busy"] <= latched["events"]).all()
        assert (latched["events"] <= latched["busy"] * banks).all()
        whole = ("resolver", "weights", "drain", "pipeline", "receive")
        parts = sum(latched[key] for key in ("events", "imbalance", "ends"))
        parts = parts + banks * sum(latched[key] for key in whole)
        assert np.array_equal(banks * latched["clocks"], parts)
        # What is latched is what the layers have counted together.
        rows = result.counted.layers(tables)
        for counter in COUNTERS[2:]:
            layers = sum(tile[counter.name] for tiles in rows for tile in tiles)
            assert np.array_equal(latched[counter.name], layers)


def test_times_are_those_of_the_model(ran):
    """Tiles, rows, pixels and phases, runs, drains and beats: event by event, clock by clock."""
    module, tables, results = ran
    for ddr, result in results:
        expected = list(model_timeline(tables, module, result.trains, ddr))
        found = list(rtl_timeline(tables, result.counted))
        for model, rtl in zip(expected, found, strict=True):
            if model.layer.kind == RECEIVE:
                continue
            for name in ("start", "resolved", "emitted", "end", "drained", "events", "longest"):
                assert np.array_equal(rtl.phases[name], model.phases[name]), name
            assert rtl.loads == model.loads
            assert bool(model.loads) == bool(tables.ring)
        assert trace_events(tables, found, 150.0) == trace_events(tables, expected, 150.0)


def test_no_list_is_longer_than_the_counters_allow(ran):
    _, tables, results = ran
    allowed = longest_list(HardwareTables(tables))
    for _, result in results:
        longest = max(
            int(row.phases["longest"].max())
            for row in rtl_timeline(tables, result.counted)
            if row.phases is not None
        )
        assert longest <= allowed


def test_a_core_without_counters_says_so(tmp_path, scheduled):
    module, frames = scheduled(14)
    hardware = module.clone()
    ConvertPeToHwPass(counters=False).apply(Context(), hardware)
    for name, text in (verilog_files(hardware) | memory_images(hardware)).items():
        (tmp_path / name).write_text(text)
        assert "counter_" not in text
    engine = RtlEngine(tmp_path, RtlEngine.tables_of(module), tmp_path / "cache")
    assert engine.run(frames).counted is None
    with pytest.raises(UserError, match="the Verilog has no counters"):
        engine.run(frames, counted=True)


def test_the_list_of_counters():
    assert [counter.offset for counter in COUNTERS] == [4 * i for i in range(len(COUNTERS))]
    assert {counter.unit for counter in COUNTERS} == {"images", "clocks", "bank clocks"}
    assert all(counter.doc for counter in COUNTERS)
