"""Maps move beside layers: every engine counts the same clocks, and nothing is in the way."""

import shutil

import numpy as np
import pytest
from comparing import differences
from map_networks import MEMORIES, SLOW, check_c, check_verilog, compiled, stack, stops
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr

from snnir.errors import UserError
from snnir.interpreters.pe import program_of, run_program
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.losses import count_losses, losses_of_counters
from snnir.runtime.rtl import RtlEngine
from snnir.runtime.timeline import model_timeline, rtl_timeline
from snnir.runtime.trace import trace_events
from snnir.schedule.bands import join_trains
from snnir.schedule.cycles import Mover
from snnir.schedule.loading import Ddr
from snnir.schedule.memories import memories
from snnir.schedule.moving import Move, Record, move_clocks
from snnir.schedule.program import LOAD, RECEIVE, STORE
from snnir.schedule.reading import read_program


def test_moves_go_on_beside_rows():
    """By hand: a move begins with its row, or behind the move before; who waits, waits for both."""
    mover, clock = Mover(1, Ddr(10, 256)), np.array([100])
    move = Move(Record(1, 1, 1, 1, 1), 0, 1, 2, 2)
    clocks = move_clocks(2, False, Ddr(10, 256))
    assert clocks == 46
    mover.move(move, False, clock)
    mover.move(move, False, clock)
    assert [int(start[0]) for start in mover.starts] == [100, 146]
    assert [int(w[0]) for w in mover.waits(clock + 20, 2)] == [26, 46]
    assert [int(w[0]) for w in mover.waits(clock + 50, 2)] == [0, 42]
    assert sum(mover.waits(clock + 92, 2))[0] == 0
    assert mover.waits(clock, 0) == []


@pytest.mark.parametrize("seed", [1, 6, 10])
@pytest.mark.parametrize("bands", [2, 3, 99])
def test_overlap_changes_clocks_alone(seed, bands):
    """Trains are those of the whole layers; no image takes longer, and most are faster."""
    module, frames = compiled(seed, maps="onchip")
    expected = run_program(module, frames)
    module, _ = compiled(seed, maps="ddr", bands=bands)
    result = run_program(module, frames, count_cycles=True, ddr=SLOW)
    assert np.array_equal(result.potentials, expected.potentials)
    joined = join_trains(read_program(program_of(module)), result.trains)
    assert all(np.array_equal(joined[label], words) for label, words in expected.trains.items())
    EventSchedulePass(overlap=False).apply(Context(), module)
    alone = run_program(module, frames, count_cycles=True, ddr=SLOW)
    assert np.array_equal(alone.potentials, expected.potentials)
    assert (result.cycles < alone.cycles).all()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("seed, weights", [(1, "stream"), (6, "onchip"), (10, "stream")])
def test_c_counts_what_the_interpreter_counts(seed, weights, tmp_path):
    module, frames = compiled(seed, maps="ddr", bands=3, weights=weights)
    assert any(getattr(op, "beside", None) for op in program_of(module).steps)
    check_c(module, frames, tmp_path)


def test_what_is_in_the_way_is_refused():
    """A row waits for no move that might go on: with one more beside it, the row is refused."""
    module, _ = compiled(1, maps="ddr", bands=3)
    moves, waited, refused = [], 0, 0
    for op in program_of(module).steps:
        if hasattr(op, "buffer"):
            moves.append(op.label)
            continue
        before, waits = op.beside, len(moves) - len(op.beside or ())
        if waits > waited:
            op.beside = ArrayAttr(moves[waits - 1 :])
            with pytest.raises(UserError, match="cannot run beside it|does not wait"):
                VerifyPeSchedulePass().apply(Context(), module)
            op.beside = before
            refused += 1
        waited = max(waited, waits)
    VerifyPeSchedulePass().apply(Context(), module)
    assert refused >= 4


def test_what_does_not_fit_twice_says_so(tmp_path):
    """With 6 block RAMs there is room for one half: stores go on while the image is received."""
    build, _ = stack(tmp_path, 6, verilog=False)
    tables = build.tables
    assert tables.halves == (0, 0)
    assert sum(memory.bram36 for memory in memories(tables)) <= 6
    why = {layer.of: layer.alone for layer in tables.layers if layer.alone}
    assert why["conv2"] == "maps that move beside it take 4 BRAM36 too many"
    front = 0
    for moves, layer in tables.steps:
        front += len(moves)
        assert layer.kind == RECEIVE or layer.waits == front
    assert any(layer.kind == RECEIVE and layer.waits == 0 for layer in tables.layers[3:])


@pytest.fixture(scope="module")
def overlapped(tmp_path_factory):
    return stack(tmp_path_factory.mktemp("overlap"), 8)


def _under_way(layers) -> list[tuple[int, bool]]:
    """Number and kind (whether it stores) of each move that goes on in the middle of a row."""
    moves, found = [], []
    for row in layers:
        moves += row.moves
        for number, (move, start, end) in enumerate(moves):
            middle = row.begin + row.clocks // 2
            if row.layer.kind != RECEIVE and start < middle < end:
                found.append((number, move.kind == STORE))
    return found


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)
def test_verilog_moves_maps_beside_layers(overlapped):
    """Every train and clock, with weights from DDR as well; faults and resets in the middle."""
    build, frames = overlapped
    frames, tables = frames[:2], build.tables
    assert sum(memory.bram36 for memory in memories(tables)) <= 8
    assert tables.halves != (0, 0)
    engine = RtlEngine.from_folder(build.path / "verilog", build.cache, tables)
    program = CEngine.from_folder(build.path / "c", build.cache)
    reference, result = check_verilog(engine, program, frames)
    ddr = MEMORIES[-1]
    losses = count_losses(tables, build.pe, reference.trains, ddr)
    assert losses_of_counters(tables, result.counted) == losses
    assert losses["total"]["loads"] > 0
    model = list(model_timeline(tables, build.pe, reference.trains, ddr))
    counted = list(rtl_timeline(tables, result.counted))
    for name in ("begin", "clocks", "waited", "moves"):
        assert [getattr(row, name) for row in counted] == [getattr(row, name) for row in model]
    _check_trace(tables, counted)

    reference.layer_cycles = {}
    for pauses in (1, 2):
        assert differences(engine.run(frames, ddr=ddr, ddr_pauses=pauses), reference) == []
    for reset in (model[4].begin + 7, sum(row.clocks for row in model) // 2):
        result = engine.run(frames, ddr=ddr, reset=reset)
        assert differences(result, reference) == []
    under_way = _under_way(model)
    assert {stores for _, stores in under_way} == {False, True}
    for number, stores in under_way:
        # The beats or bursts of the same kind in front of the middle of the move.
        bursts = [m.move.bursts if (m.kind == STORE) == stores else 0 for m in tables.moved]
        at = sum(bursts[:number]) + bursts[number] // 2
        where = (-1, at) if stores else (16 * at + 3, -1)
        for answer, status in ((2, 12 if stores else 2), (3, 13 if stores else 3)):
            for pauses in (0, 1):
                with pytest.raises(UserError, match=stops(status)):
                    engine.run(
                        frames, ddr=ddr, ddr_pauses=pauses, maps_faults=where, maps_answer=answer
                    )
        move = tables.moved[number].move
        with pytest.raises(UserError, match=stops(14)):
            engine.run(frames, ddr=ddr, maps_bytes=128 * (move.first + move.bursts // 2))
    with pytest.raises(UserError, match=stops(2)):
        engine.run(frames, ddr=ddr, ddr_fault=5)


def _check_trace(tables, rows) -> None:
    """Loads and stores have tracks of their own, on which no two slices meet."""
    events = trace_events(tables, rows, 100.0, "rtl")
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    moved = [e for e in events if e["ph"] == "X" and names[e["tid"]].startswith("maps ")]
    assert [e["name"] for e in moved] == [move.label for move in tables.moved]
    assert {names[e["tid"]] for e in moved} == {"maps from DDR", "maps to DDR"}
    spans = [(e["args"]["clock"], e["args"]["clocks"]) for e in moved]
    assert all(a + n <= b for (a, n), (b, _) in zip(spans, spans[1:], strict=False))
    kinds = [names[e["tid"]] == "maps from DDR" for e in moved]
    assert kinds == [move.kind == LOAD for move in tables.moved]
