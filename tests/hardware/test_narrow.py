"""Events that hold a few bits of their positions: the same trains and clocks, in Verilog too."""

import shutil

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from snnir.dialects.assembly import integer
from snnir.dialects.pe import ProgramOp
from snnir.errors import UserError
from snnir.interpreters.pe import run_program
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.runtime import verilator
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.positions import least_position_bits
from snnir.schedule.reading import read_program


def program_of(module: ModuleOp) -> ProgramOp:
    return next(op for op in module.ops if isinstance(op, ProgramOp))


def narrowed(scheduled, seed: int, **options) -> tuple[ModuleOp, np.ndarray, bool]:
    """A random network whose events hold as little as they may, and whether that is less."""
    module, frames = scheduled(seed, **options)
    program = program_of(module)
    bits = least_position_bits(program)
    EventSchedulePass(position_bits=bits).apply(Context(), module)
    VerifyPeSchedulePass().apply(Context(), module)
    return module, frames, program.position_bits is not None


def test_most_maps_tell_more_than_a_run_needs(scheduled):
    assert sum(narrowed(scheduled, seed)[2] for seed in range(12)) >= 3


def test_too_few_bits_are_refused(scheduled):
    module, _, _ = narrowed(scheduled, 14)
    program = program_of(module)
    least = least_position_bits(program)
    program.position_bits = integer(least - 1)
    with pytest.raises(UserError, match=f"hold {least - 1} bits .* need {least}"):
        VerifyPeSchedulePass().apply(Context(), module)
    if least > 1:
        with pytest.raises(UserError, match="is too few"):
            EventSchedulePass(position_bits=least - 1).apply(Context(), module)


def test_nothing_is_narrowed_that_saves_no_memory(scheduled):
    module, _ = scheduled(3)
    assert read_program(program_of(module)).position_bits == 0


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)
# Between them: one and more banks; windows that move by whole rounds of banks, by less, and not.
@pytest.mark.parametrize("seed", [1, 2, 44])
def test_narrow_events_in_verilator(seed, tmp_path, scheduled):
    module, frames, is_narrow = narrowed(scheduled, seed)
    assert is_narrow
    reference = run_program(module, frames, count_cycles=True)
    found = RtlEngine.from_module(module, tmp_path).run(frames)
    assert np.array_equal(found.potentials, reference.potentials)
    assert np.array_equal(found.cycles, reference.cycles)
    for label, trains in reference.trains.items():
        assert np.array_equal(found.trains[label], trains), label
