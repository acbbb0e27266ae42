"""tile-to-pe: an integer spiking network becomes the program of an event-driven array."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import (
    BoolAttr,
    DictionaryAttr,
    ModuleOp,
    StringAttr,
    SymbolRefAttr,
)
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from snnir.analysis.loading import choose_ring
from snnir.analysis.network import network_of
from snnir.analysis.resources import weight_bram36
from snnir.dialects.assembly import integer, ints
from snnir.dialects.dense import to_dense
from snnir.dialects.pe import (
    LayerOp,
    ProgramOp,
    ReceiveOp,
    SendOp,
    StreamOp,
    TileOp,
    new_block_region,
)
from snnir.dialects.pe_types import (
    POWERS_OF_TWO,
    ArrayParameters,
    ArrayParametersAttr,
    MapType,
    PotentialsType,
)
from snnir.dialects.snn_types import TrainType
from snnir.errors import UserError
from snnir.hardware.machine_file import read_machine
from snnir.targets import Target, load_target
from snnir.tiling.choose import Request, WeightsTooLarge, choose_array, pitch_of, word_shifts
from snnir.tiling.layers import LayerPlan, NetworkPlan, Synapse, plan_network
from snnir.tiling.weights import StreamPlan, digits, plan_stream, tile_weights

WEIGHTS = ("auto", "onchip", "stream")
"""Where weights may be kept."""


@dataclass(frozen=True)
class TileToPePass(ModulePass):
    """Map a quantised network onto the array: its size, its tiles, its runs, its weights.

    The array computes a tile of output channels at a time, pixel after pixel, and consumes only
    events (neurons that spike at all). Each layer is cut into tiles of as many channels as the
    array has; for each branch into a tile a stream of runs says which neighbouring pixels of which
    map are walked, and which weight row each event fetches.

    Algorithm: max pools are folded into the layer below (or into a relay layer that emits again
    what it receives); average pools and dense layers become convolutions with more or larger
    windows. The array's planes and widths follow from the network (longest train, range analysis);
    banks, channels and lanes of the drain are the smallest that come within 15 % of the fastest
    array that fits the target by estimate, with all its memories. The target says up to which size
    arrays are looked at, unless none of them computes enough images a second. Images of more bits
    than planes are cut into words, weights wider than the array's into balanced digits; each piece
    is a stream with its shift. Runs that meet only zero weights are dropped, tile by tile. Streams
    are in the order of falling shift, then of branches; runs from block to block, top to bottom,
    left to right.

    Assumptions: integer weights and parameters (`quantise` has run), one encoder, one readout.

    Options:
        target: name of a shipped target, or a TOML file.
        banks: number of banks, a power of two; 0 chooses.
        channels: output channels of a tile; 0 chooses.
        planes: bits of a train processed side by side; 0 takes the longest train.
        weight_bits: width of a weight in the array; 0 takes the widest, at most 8.
        acc_bits: width of an accumulator; 0 takes what is proven to suffice.
        membrane_bits: width of a membrane potential; 0 takes what is proven to suffice.
        fifo: depth of each bank's run queue, a power of two.
        drain: channels that leave the array at once, a power of two up to the banks; 0 chooses.
        ports: AXI read ports through which weights come from DDR, 1, 2 or 4; 0 takes as many as the
            target's DDR can keep busy.
        weights: `onchip` keeps all weights in the banks' memories, `stream` fetches them from DDR
            tile by tile into rings, `auto` does so where they do not fit the target.
        ring: rows of a bank's ring, a power of two; 0 takes two of the largest tiles or more.
        machine: a machine file; the program is then for that machine, with its array and its ring,
            and the target decides nothing.
    """

    name = "tile-to-pe"

    target: str = "pynq-z2"
    banks: int = 0
    channels: int = 0
    planes: int = 0
    weight_bits: int = 0
    acc_bits: int = 0
    membrane_bits: int = 0
    fifo: int = 16
    drain: int = 0
    ports: int = 0
    weights: str = "auto"
    ring: int = 0
    machine: str = ""

    def __post_init__(self) -> None:
        if self.machine:
            self._check_alone()
        if self.weights not in WEIGHTS:
            raise UserError(f"weights={self.weights} is impossible, use {', '.join(WEIGHTS)}")
        if self.ring < 0 or self.ring == 1 or self.ring & (self.ring - 1):
            raise UserError(f"ring={self.ring} must be a power of two")
        for name, (low, high) in ArrayParameters.LIMITS.items():
            value = getattr(self, name)
            if value != 0 and not low <= value <= high:
                option = name.replace("_", "-")
                raise UserError(f"{option}={value} is impossible, use {low} to {high}, or 0")
            if name in POWERS_OF_TWO and value & (value - 1):
                raise UserError(f"{name}={value} must be a power of two")

    def _check_alone(self) -> None:
        """Nothing else decides about the array where a machine does."""
        for field in fields(self):
            given = getattr(self, field.name) != field.default
            if given and field.name not in ("machine", "target", "weights"):
                raise UserError(
                    f"{field.name.replace('_', '-')} and machine cannot both be given",
                    hint="leave one of them out",
                )
        if self.weights == "onchip":
            raise UserError(
                "a machine for many programs takes its weights from DDR", hint="use weights=stream"
            )

    def apply(self, ctx: Context, module: ModuleOp) -> None:
        target = load_target(self.target)
        plan = plan_network(module)
        program = self._program(plan, target)
        function = network_of(module)
        program.location = function.location
        for neuron in plan.relay_neurons:
            module.body.block.insert_op_before(neuron, function)
        module.body.block.insert_op_before(program, function)
        function.detach()
        function.erase()

    def _program(self, plan: NetworkPlan, target: Target) -> ProgramOp:
        if self.machine:
            return self._for_machine(plan, target)
        if self.weights != "stream":
            try:
                return self._build(plan, target, streams=False)
            except WeightsTooLarge:
                if self.weights == "onchip":
                    raise
        return self._build(plan, target, streams=True)

    def _for_machine(self, plan: NetworkPlan, target: Target) -> ProgramOp:
        machine = read_machine(self.machine)
        anything = replace(target, lut=sys.maxsize, bram36=sys.maxsize)
        options = replace(self, **vars(machine.array), ring=machine.ring, machine="")
        try:
            program = options._build(plan, anything, streams=True)
        except UserError as error:
            raise UserError(
                f"machine {machine.name}: {error.what}", where=error.where, hint=error.hint
            ) from error
        program.stages = integer(machine.fire_stages)
        return program

    def _build(self, plan: NetworkPlan, target: Target, streams: bool) -> ProgramOp:
        sizes = {name: getattr(self, name) for name in ArrayParameters.LIMITS}
        array = choose_array(plan, target, Request(**sizes, streams=streams))
        program = _Builder(plan, array).program()
        if streams:
            largest = max(tile.rows for layer in program.layers for tile in layer.tiles)
            program.ring = integer(self.ring or choose_ring(array, largest, target.bram36))
        _check_weights(program, target)
        return program


class _Builder:
    """Builds the program of a plan on an array."""

    def __init__(self, plan: NetworkPlan, array: ArrayParameters):
        self.plan = plan
        self.array = array
        self.words = word_shifts(plan.image_bits, array.planes)
        self.maps: dict[SSAValue, list[tuple[SSAValue, int]]] = {}
        """Each train's maps, with the shift that each counts by."""

    def program(self) -> ProgramOp:
        ops: list[Operation] = [self.receive()]
        ops += [self.layer(layer) for layer in self.plan.layers]
        ops.append(SendOp.build(operands=[ops[-1].results[0]]))
        return ProgramOp.build(
            properties={
                "sym_name": StringAttr(self.plan.name),
                "array": ArrayParametersAttr(self.array),
            },
            regions=[new_block_region(ops)],
        )

    def receive(self) -> ReceiveOp:
        image = self.plan.encode.train
        channels = image.type.dims[0]
        pitch = pitch_of(self.plan, image, channels, self.array)
        types = [
            MapType(image.type.dims, "direct", bits, channels, pitch) for bits, _ in self.words
        ]
        op = ReceiveOp.build(
            properties={"bits": integer(self.plan.image_bits)}, result_types=[types]
        )
        self.maps[image] = [
            (word, shift) for word, (_, shift) in zip(op.words, self.words, strict=True)
        ]
        return op

    def layer(self, layer: LayerPlan) -> LayerOp:
        streams = [self.streams(layer, synapse) for synapse in layer.synapses]
        starts = range(0, layer.dims[0], self.array.channels)
        tiles = [self.tile(layer, streams, first) for first in starts]
        op = LayerOp.build(
            properties={
                "label": StringAttr(layer.label),
                "neuron": SymbolRefAttr(layer.neuron.sym_name.data),
                "steps": integer(layer.schedule["steps_out"]),
                "fraction": integer(layer.schedule["fraction"]),
                "pixels": ints(layer.dims[1:]),
                "kernel": ints(layer.pool.kernel),
                "strides": ints(layer.pool.strides),
                "pads": ints(layer.pool.pads),
            },
            regions=[new_block_region(tiles)],
            result_types=[self.result_type(layer)],
        )
        if layer.out is not None:
            self.maps[layer.out] = [(op.out, 0)]
        return op

    def result_type(self, layer: LayerPlan) -> MapType | PotentialsType:
        if layer.out is None:
            return PotentialsType(layer.dims)
        train: TrainType = layer.out.type
        channels = min(self.array.channels, layer.dims[0])
        pitch = pitch_of(self.plan, layer.out, channels, self.array)
        return MapType(train.dims, train.coding, train.steps, self.array.channels, pitch)

    def streams(self, layer: LayerPlan, synapse: Synapse) -> _Streams:
        maps = self.maps[synapse.source]
        layout = plan_stream(synapse, maps[0][0].type, layer.dims[2], self.array.banks)
        pieces = [(d.shift, d.weights) for d in digits(synapse.weights, self.array.weight_bits)]
        return _Streams(synapse, layout, maps, pieces)

    def tile(self, layer: LayerPlan, streams: list[_Streams], first: int) -> TileOp:
        count = min(self.array.channels, layer.dims[0] - first)
        found: list[StreamOp] = []
        for branch in streams:
            found += branch.build(first, count, self.array.channels)
        if all(op.shift.value.data for op in found):
            # The last phase has shift 0 even where all its weights are zero.
            found += streams[0].build(first, count, self.array.channels, filler=True)
        found.sort(key=lambda op: -op.shift.value.data)
        params = {
            name: to_dense(np.ascontiguousarray(values[first : first + count]))
            for name, values in layer.params.items()
        }
        return TileOp.build(
            properties={"channels": ints([first, count]), "params": DictionaryAttr(params)},
            regions=[new_block_region(found)],
        )


@dataclass(frozen=True)
class _Streams:
    """One branch of a layer: its layout, its maps (words), its weights (digits)."""

    synapse: Synapse
    layout: StreamPlan
    maps: list[tuple[SSAValue, int]]
    pieces: list[tuple[int, np.ndarray]]

    def build(self, first: int, count: int, width: int, *, filler: bool = False) -> list[StreamOp]:
        """The streams of a tile; a `filler` is one with shift 0 and zero weights."""
        ops = []
        for digit_shift, weights in self.pieces[-1:] if filler else self.pieces:
            tile = tile_weights(weights, self.synapse.groups, first, count)
            rows = self.layout.fetch(tile)
            kept = self.layout.keep(rows, filler)
            if kept is None:
                continue
            runs, rows = kept
            padded = np.zeros((*rows.shape[:2], width), np.int8)
            padded[:, :, :count] = rows
            dense_runs, dense_weights = to_dense(runs), to_dense(padded)
            for source, word_shift in self.maps[-1:] if filler else self.maps:
                ops.append(self.stream(source, digit_shift + word_shift, dense_runs, dense_weights))
        return ops

    def stream(self, source: SSAValue, shift: int, runs, weights) -> StreamOp:
        rows, columns = self.synapse.rows, self.synapse.columns
        return StreamOp.build(
            operands=[source],
            properties={
                "shift": integer(shift),
                "strides": ints([rows.stride, columns.stride]),
                "bounds": ints([rows.bound, columns.bound]),
                "advance": integer(self.layout.advance),
                "by_bank": BoolAttr.from_bool(self.layout.by_bank),
                "runs": runs,
                "weights": weights,
            },
        )


def _check_weights(program: ProgramOp, target: Target) -> None:
    """Raise where the weights of the finished program do not fit the target, or not the ring."""
    array = program.array.data
    rows = [tile.rows for layer in program.layers for tile in layer.tiles]
    depth = program.ring.value.data if program.ring else sum(rows)
    if depth < max(rows):
        raise UserError(
            f"a tile has {max(rows)} weight rows, the ring {depth}",
            hint=f"use ring={1 << (max(rows) - 1).bit_length()} or more",
        )
    needed = weight_bram36(array.banks, array.channels, array.weight_bits, depth)
    if needed > target.bram36:
        raise WeightsTooLarge(
            f"the weights need {needed:g} BRAM36, {target.name} has {target.bram36}: "
            f"{needed - target.bram36:g} too many",
            hint="use fewer weight bits, fewer banks, a smaller network or a larger target",
        )
