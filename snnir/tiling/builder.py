"""Builds the program of a plan: its steps, tiles and streams, as ops of the `pe` dialect."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import (
    BoolAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    StringAttr,
    SymbolRefAttr,
)
from xdsl.ir import Attribute, Operation, SSAValue

from snnir.dialects.assembly import integer, ints
from snnir.dialects.dense import to_dense
from snnir.dialects.pe import (
    IMAGE_LABEL,
    PreviousOp,
    ProgramOp,
    ReceiveOp,
    SendOp,
    new_block_region,
)
from snnir.dialects.pe_layers import RUN_COLUMNS, LayerOp, StreamOp, TileOp
from snnir.dialects.pe_moves import BufferOp, LoadOp, StoreOp
from snnir.dialects.pe_types import (
    ArrayParameters,
    ArrayParametersAttr,
    DdrType,
    MapType,
    PotentialsType,
)
from snnir.dialects.snn_types import TrainType
from snnir.tiling.bands import BandPlan, MapPlan
from snnir.tiling.choose import neuron_bounds, pitch_of, word_shifts
from snnir.tiling.layers import LayerPlan, NetworkPlan, Synapse
from snnir.tiling.weights import StreamPlan, digits, plan_stream, tile_weights


class ProgramBuilder:
    """Builds the program of a plan on an array.

    Args:
        where: where maps are kept; all on the chip if None.
    """

    def __init__(self, plan: NetworkPlan, array: ArrayParameters, where: MapPlan | None):
        self.plan = plan
        self.array = array
        self.where = where or MapPlan()
        self.words = word_shifts(plan.image_bits, array.planes)
        self.maps: dict[SSAValue, list[tuple[SSAValue, int]]] = {}
        """The maps on the chip of each train, with the shift that each counts by."""
        self.past: dict[SSAValue, list[tuple[SSAValue, int]]] = {}
        """Those that were fired in the window before."""
        self.buffers: dict[SSAValue, SSAValue] = {}
        """Those in DDR."""

    def program(self) -> ProgramOp:
        ops: list[Operation] = [
            self.buffer(layer) for layer in self.plan.layers if layer.out in self.where.ddr
        ]
        if self.plan.encode.train not in self.where.ddr:
            ops.append(self.receive())
        for source in self.plan.recurrent:
            layer = self.plan.writer(source)
            kind = self.result_type(layer) if layer else self.maps[source][0][0].type
            past = PreviousOp.build(
                properties={"of": StringAttr(layer.label if layer else IMAGE_LABEL)},
                result_types=[kind],
            )
            self.past[source] = [(past.map, 0)]
            ops.append(past)
        for layer in self.plan.layers:
            ops += self.steps(layer)
        ops.append(SendOp.build(operands=[ops[-1].results[0]]))
        return ProgramOp.build(
            properties={
                "sym_name": StringAttr(self.plan.name),
                "array": ArrayParametersAttr(self.array),
                **({"windows": integer(self.plan.windows)} if self.plan.windows != 1 else {}),
            },
            regions=[new_block_region(ops)],
        )

    def receive(self, label: str = "", rows: tuple[int, int] | None = None) -> ReceiveOp:
        """The image, or some rows of it."""
        image = self.plan.encode.train
        channels, height, width = image.type.dims
        first, count = rows or (0, height)
        pitch = pitch_of(self.plan, image, channels, self.array)
        types = [
            MapType((channels, count, width), image.type.coding, bits, channels, pitch)
            for bits, _ in self.words
        ]
        properties: dict[str, Attribute] = {"bits": integer(self.plan.image_bits)}
        if self.plan.encode.levels is not None:
            properties["levels"] = self.plan.encode.levels
        if rows is not None:
            properties |= {"rows": ints([first, height]), "label": StringAttr(label)}
        op = ReceiveOp.build(properties=properties, result_types=[types])
        self.maps[image] = [
            (word, shift) for word, (_, shift) in zip(op.words, self.words, strict=True)
        ]
        return op

    def buffer(self, layer: LayerPlan) -> BufferOp:
        """The place in DDR of a layer's map."""
        op = BufferOp.build(
            properties={"label": StringAttr(layer.label)},
            result_types=[DdrType(self.result_type(layer))],
        )
        self.buffers[layer.out] = op.buffer
        return op

    def steps(self, layer: LayerPlan) -> list[Operation]:
        """A layer, band by band, with what has to be moved for it."""
        bands = self.where.bands(layer)
        streams: list[_Streams] = []
        found: list[Operation] = []
        for number, band in enumerate(bands):
            label = layer.label if len(bands) == 1 else f"{layer.label}.{number}"
            found += self.bring(label, layer, band)
            streams = streams or [self.streams(layer, synapse) for synapse in layer.synapses]
            op = self.layer(label, layer, band, streams, len(bands) > 1)
            found.append(op)
            if layer.out in self.where.ddr:
                found.append(
                    StoreOp.build(
                        operands=[self.buffers[layer.out], op.out],
                        properties={
                            "label": StringAttr(f"{label}.store"),
                            "row": integer(band.row),
                        },
                    )
                )
        return found

    def bring(self, label: str, layer: LayerPlan, band: BandPlan) -> list[Operation]:
        """What a band reads and is not on the chip."""
        found: list[Operation] = []
        image = self.plan.encode.train
        needed = [source for source in band.sources if source in self.where.ddr]
        # The image is released by the layer that comes right behind its last pass.
        needed.sort(key=lambda source: source is image)
        for number, source in enumerate(needed):
            first, count = band.sources[source]
            if source is image:
                found.append(self.receive(f"{label}.input", (first, count)))
                continue
            buffer = self.buffers[source]
            name = f"{label}.load" if len(needed) == 1 else f"{label}.load{number}"
            op = LoadOp.build(
                operands=[buffer],
                properties={"label": StringAttr(name), "row": integer(first)},
                result_types=[buffer.type.map.with_height(count)],
            )
            self.maps[source] = [(op.out, 0)]
            found.append(op)
        return found

    def layer(
        self,
        label: str,
        layer: LayerPlan,
        band: BandPlan,
        streams: list[_Streams],
        is_part: bool,
    ) -> LayerOp:
        width = layer.block(self.array.channels)
        starts = range(0, layer.dims[0], width)
        kind = self.result_type(layer)
        properties: dict[str, Attribute] = {}
        if is_part:
            kind = kind.with_height(band.rows)
            properties = {
                "of": StringAttr(layer.label),
                "band": ints([band.first, layer.dims[1], band.row, layer.stored[1]]),
            }
        tiles = [self.tile(layer, band, streams, first, width) for first in starts]
        op = LayerOp.build(
            properties={
                "label": StringAttr(label),
                "neuron": SymbolRefAttr(layer.neuron.sym_name.data),
                "steps": integer(layer.schedule["steps_out"]),
                "fraction": integer(layer.schedule["fraction"]),
                "pixels": ints([band.pixels, layer.dims[2]]),
                "kernel": ints(layer.pool.kernel),
                "strides": ints(layer.pool.strides),
                "pads": ints(band.pads),
                **self.kept(layer),
                **properties,
            },
            regions=[new_block_region(tiles)],
            result_types=[kind],
        )
        if layer.out is not None:
            self.maps[layer.out] = [(op.out, 0)]
        return op

    def kept(self, layer: LayerPlan) -> dict[str, Attribute]:
        """The bits of the states that its neurons keep, if they do."""
        if layer.windows == 1:
            return {}
        bounds = neuron_bounds(layer, self.plan, self.array.planes, self.words)
        return {"kept": ints(bounds.state_bits)}

    def result_type(self, layer: LayerPlan) -> MapType | PotentialsType:
        if layer.out is None:
            return PotentialsType(layer.dims)
        train: TrainType = layer.out.type
        block = layer.block(self.array.channels)
        pitch = pitch_of(self.plan, layer.out, min(block, layer.dims[0]), self.array)
        return MapType(layer.stored, train.coding, train.steps, block, pitch)

    def seen(self, synapse: Synapse) -> list[tuple[SSAValue, int]]:
        """The maps that a synapse walks."""
        return (self.past if synapse.previous else self.maps)[synapse.source]

    def streams(self, layer: LayerPlan, synapse: Synapse) -> _Streams:
        kind = _seen(self.seen(synapse)[0][0].type, synapse)
        layout = plan_stream(synapse, kind, layer.dims[2], self.array.banks)
        pieces = [(d.shift, d.weights) for d in digits(synapse.weights, self.array.weight_bits)]
        return _Streams(synapse, layout, pieces)

    def tile(
        self, layer: LayerPlan, band: BandPlan, streams: list[_Streams], first: int, most: int
    ) -> TileOp:
        count = min(most, layer.dims[0] - first)
        width = self.array.channels
        found: list[StreamOp] = []
        for branch in streams:
            found += self.build(branch, branch.kept(first, count, width), band)
        if all(op.shift.value.data for op in found):
            # The last phase has shift 0 even where all its weights are zero.
            filler = streams[0].kept(first, count, width, filler=True)
            found += self.build(streams[0], filler, band, filler=True)
        found.sort(key=lambda op: -op.shift.value.data)
        params = {
            name: to_dense(np.ascontiguousarray(values[first : first + count]))
            for name, values in layer.params.items()
        }
        return TileOp.build(
            properties={"channels": ints([first, count]), "params": DictionaryAttr(params)},
            regions=[new_block_region(found)],
        )

    def build(
        self, branch: _Streams, pieces: list[_Piece], band: BandPlan, *, filler: bool = False
    ) -> list[StreamOp]:
        """The streams of a tile from one branch: each digit of the weights over each map."""
        source, rows = branch.synapse.source, branch.synapse.rows
        maps = self.seen(branch.synapse)
        # Rows count from the first one that is on the chip.
        first = band.sources[source][0] if source in self.where.ddr else 0
        bound = min(rows.bound - first, _seen(maps[0][0].type, branch.synapse).dims[1])
        turn = {"slices": integer(branch.synapse.slices)} if branch.synapse.slices else {}
        move = band.first * rows.stride - first
        return [
            StreamOp.build(
                operands=[value],
                properties={
                    "shift": integer(piece.shift + shift),
                    "delay": integer(branch.synapse.delay),
                    "strides": ints([rows.stride, branch.synapse.columns.stride]),
                    "bounds": ints([bound, branch.synapse.columns.bound]),
                    "advance": integer(branch.layout.advance),
                    "by_bank": BoolAttr.from_bool(branch.layout.by_bank),
                    "runs": piece.moved(move),
                    "weights": piece.weights,
                    **turn,
                },
            )
            for piece in pieces
            for value, shift in (maps[-1:] if filler else maps)
        ]


def _seen(kind: MapType, synapse: Synapse) -> MapType:
    """A map as a synapse sees it."""
    return kind.turned(synapse.slices) if synapse.slices else kind


@dataclass(frozen=True)
class _Piece:
    """A digit of the weights of a tile: its runs and rows."""

    shift: int
    runs: np.ndarray
    weights: DenseIntOrFPElementsAttr
    known: dict[int, DenseIntOrFPElementsAttr] = field(default_factory=dict)

    def moved(self, rows: int) -> DenseIntOrFPElementsAttr:
        """The runs, so many rows further down."""
        if rows not in self.known:
            runs = self.runs.copy()
            runs[:, RUN_COLUMNS.index("dy")] += rows
            self.known[rows] = to_dense(runs)
        return self.known[rows]


@dataclass(frozen=True)
class _Streams:
    """One branch of a layer: its layout, and its weights in digits."""

    synapse: Synapse
    layout: StreamPlan
    pieces: list[tuple[int, np.ndarray]]
    known: dict[tuple[int, bool], list[_Piece]] = field(default_factory=dict)

    def kept(self, first: int, count: int, width: int, *, filler: bool = False) -> list[_Piece]:
        """What a tile has of it; a `filler` is one piece with shift 0 and zero weights."""
        if (first, filler) not in self.known:
            found = []
            for shift, weights in self.pieces[-1:] if filler else self.pieces:
                tile = tile_weights(weights, self.synapse.groups, first, count)
                kept = self.layout.keep(self.layout.fetch(tile), filler)
                if kept is not None:
                    runs, rows = kept
                    padded = np.zeros((*rows.shape[:2], width), np.int8)
                    padded[:, :, :count] = rows
                    found.append(_Piece(shift, runs, to_dense(padded)))
            self.known[first, filler] = found
        return self.known[first, filler]
