"""Maps that are written over the map that their layer adds: residual chains."""

import shutil

import numpy as np
import pytest
from random_networks import RandomNetwork, _Maker, seeded_pick
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_types import Place, PlaceAttr
from snnir.dialects.snn import AddOp, OneToOneOp
from snnir.errors import UserError
from snnir.interpreters.pe import run_program
from snnir.interpreters.snn import run_snn
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.runtime import verilator
from snnir.schedule.places import event_rows, map_size

ARRAY = {"banks": 2, "channels": 2, "planes": 0}


class _Chain(_Maker):
    """x, then `links` times: the sum of the map so far and of two convolutions over it."""

    def one_to_one(self, source):
        """No channel is left out: a map that nothing adds is not written over."""
        dims = source.type.dims
        ones = np.ones(dims[0], np.int8)
        return self.synapse(OneToOneOp, source, dims, ones, 2)

    def make(self, links: int, shape=(5, 6, 4)) -> RandomNetwork:
        block = Block(arg_types=[TensorType(f32, (1, *shape))])
        train = self.encode(block.args[0], shape)
        train = self.fire(self.conv(train, same=True), "x")
        for index in range(links):
            inner = self.fire(self.conv(train, same=True), f"y{index}")
            currents = [self.conv(inner, same=True), self.one_to_one(train)]
            total = AddOp.build(operands=[currents], result_types=[currents[0].type])
            train = self.fire(self.add(total).total, f"z{index}")
        result = self.readout(train)
        self.ops.append(ReturnOp(result))
        block.add_ops(self.ops)
        function = FuncOp("net", ([block.args[0].type], [result.type]), Region(block))
        neurons = [self.choice.fire_neuron(), self.readout_choice.readout_neuron()]
        return RandomNetwork(ModuleOp([*neurons, function]), self.frames(shape), ARRAY)


def chain(seed: int, links: int = 2, **schedule) -> tuple[RandomNetwork, ProgramOp]:
    """A chain of residual layers, scheduled."""
    network = _Chain(seeded_pick(seed), 2).make(links)
    TileToPePass(**network.options).apply(Context(), network.module)
    EventSchedulePass(**schedule).apply(Context(), network.module)
    return network, next(op for op in network.module.ops if isinstance(op, ProgramOp))


def places(program: ProgramOp) -> dict[str, Place]:
    return {op.label.data: op.place.data for op in program.layers if op.place is not None}


@pytest.mark.parametrize("seed", range(7))
def test_a_chain_lies_row_by_row_lower(seed):
    network, program = chain(seed)
    at = places(program)
    for lower, upper in (("z0", "x"), ("z1", "z0")):
        assert at[lower].events == at[upper].events - at[upper].capacity
        assert at[lower].pointers == at[upper].pointers - 4
    VerifyPeSchedulePass().apply(Context(), network.module)


@pytest.mark.parametrize("seed", range(6))
def test_a_chain_computes_the_network(seed):
    network = _Chain(seeded_pick(seed), 2).make(2)
    expected = run_snn(network.module, network.images)
    network, _ = chain(seed)
    found = run_program(network.module, network.frames)
    assert np.array_equal(found.potentials.ravel(), expected.potentials.ravel())


def test_a_longer_chain_takes_a_row_more():
    depths = []
    for links in (1, 2, 3):
        _, program = chain(5, links)
        maps = [op.out.type for op in program.layers if op.place is not None]
        ends = [
            place.events + map_size(kind, event_rows(2))
            for place, kind in zip(places(program).values(), maps, strict=True)
        ]
        depths.append(max(ends))
    assert depths[1] - depths[0] == depths[2] - depths[1] == places(program)["x"].capacity


def test_no_place_is_reused_where_that_is_asked_for():
    _, program = chain(3, reuse=False)
    at = places(program)
    assert at["z0"].events > at["x"].events


@pytest.mark.parametrize("down", [0, -1])
def test_less_than_a_row_lower_is_refused(down):
    network, program = chain(4)
    at = places(program)
    layer = next(op for op in program.layers if op.label.data == "z0")
    layer.place = PlaceAttr(
        Place(at["x"].events - at["x"].capacity - down + 1, at["x"].capacity, at["z0"].pointers)
    )
    with pytest.raises(UserError, match="needed at the same time, but their events overlap"):
        VerifyPeSchedulePass().apply(Context(), network.module)


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)
def test_hardware_overwrites_what_it_has_read(tmp_path):
    from snnir.runtime.rtl import RtlEngine

    network, _ = chain(2)
    reference = run_program(network.module, network.frames, count_cycles=True)
    found = RtlEngine.from_module(network.module, tmp_path).run(network.frames)
    assert np.array_equal(found.potentials, reference.potentials)
    assert np.array_equal(found.cycles, reference.cycles)
    for label, trains in reference.trains.items():
        assert np.array_equal(found.trains[label], trains), label
