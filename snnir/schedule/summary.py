"""What each layer of a compiled network is, in numbers: shapes, parameters, operations, memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnir.analysis.network import branches, layers
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import (
    ConvOp,
    DenseOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    OneToOneOp,
    PreviousOp,
    SumPoolOp,
    SynapseOp,
)
from snnir.schedule.bands import whole_layers

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.ir import SSAValue

    from snnir.analysis.network import LayerOp
    from snnir.dialects.pe_types import ArrayParameters
    from snnir.schedule.program import Layer, ProgramTables


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    Args:
        kind: its synapses in words: `conv 3x3`, `dense`, `conv 3x3 + identity`.
        inputs: labels of the layers whose trains it reads; `input` is the image.
        shape: (C, H, W) of its neurons; `stored` behind its max pool.
        coding, steps: of its trains; None for the readout.
        macs: multiply-accumulates of the float layer for one image.
        acc_bits, membrane_bits: proven widths.
        tiles: of output channels.
        weight_rows: of the weight memory, in every bank.
        weight_bytes: that its weights take in the array's memory, zeros of the layout included.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, int, int]
    stored: tuple[int, int, int]
    coding: str | None
    steps: int | None
    parameters: int
    macs: int
    weight_bits: int | None
    acc_bits: int | None
    membrane_bits: int | None
    tiles: int
    weight_rows: int
    weight_bytes: int


def summarise(snn: ModuleOp, tables: ProgramTables) -> list[LayerSummary]:
    """The layers of an integer network and of the program made of it, in running order."""
    ops = {op.label.data: op for op in layers(snn)}
    depth = tables.weights.shape[1]
    starts = sorted({tile.weights for tile in tables.tiles} | {depth})
    ends = dict(zip(starts, [*starts[1:], depth], strict=True))
    found = []
    for row in whole_layers(tables):
        tiles = tables.tiles[row.tile_first : row.tile_first + row.tile_count]
        rows = sum(ends[first] - first for first in {tile.weights for tile in tiles})
        found.append(_layer(row, ops.get(row.label), rows, tables.array))
    return found


def _layer(row: Layer, op: LayerOp | None, rows: int, array: ArrayParameters) -> LayerSummary:
    synapses = branches(op) if op else []
    train = op.train.type if isinstance(op, FireOp) else None
    return LayerSummary(
        name=row.label,
        kind=_kind(op, synapses) if op else "relay",
        inputs=tuple(_origin(s.source) for s in synapses),
        shape=(row.channels, row.height, row.width),
        stored=(row.channels, row.pool_height, row.pool_width),
        coding=train.coding_name if train else None,
        steps=train.steps.data if train else None,
        parameters=sum(from_dense(s.weights).size for s in synapses) + _biases(op),
        macs=sum(map(macs_of, synapses)),
        weight_bits=_weight_bits(synapses),
        acc_bits=op.acc_bits.value.data if op and op.acc_bits else None,
        membrane_bits=op.membrane_bits.value.data if op and op.membrane_bits else None,
        tiles=row.tile_count,
        weight_rows=rows,
        weight_bytes=-(-rows * array.banks * array.channels * array.weight_bits // 8),
    )


def _weight_bits(synapses: list[SynapseOp]) -> int | None:
    """Width of the layer's weights; identities in a sum have wider ones, cut into digits."""
    wide = [s for s in synapses if not isinstance(s, OneToOneOp)]
    return max((s.weight_bits.value.data for s in wide or synapses), default=None)


def _kind(op: LayerOp, synapses: list[SynapseOp]) -> str:
    text = " + ".join(_synapse(s) for s in synapses)
    users = [use.operation for use in op.train.uses] if isinstance(op, FireOp) else []
    pool = next((user for user in users if isinstance(user, MaxPoolOp)), None)
    return f"{text}, max pool {_extent(int_list(pool.kernel))}" if pool else text


def _synapse(op: SynapseOp) -> str:
    before = ""
    if isinstance(op.source.owner, SumPoolOp):
        before = f"average pool {_extent(int_list(op.source.owner.kernel))}, "
    match op:
        case ConvOp():
            shape = tuple(op.weights.type.get_shape())
            groups = op.groups.value.data
            grouped = f" in {groups} groups" if groups > 1 else ""
            return f"{before}conv {_extent(shape[2:])}{grouped}"
        case DenseOp():
            return f"{before}dense"
        case _:
            return f"{before}identity"


def _extent(pair: tuple[int, ...]) -> str:
    return "x".join(map(str, pair))


def _origin(value: SSAValue) -> str:
    op = value.owner
    while isinstance(op, MaxPoolOp | SumPoolOp):
        op = op.source.owner
    if isinstance(op, PreviousOp):
        return f"{op.of.data} before"
    return "input" if isinstance(op, EncodeOp) else op.label.data


def _biases(op: LayerOp | None) -> int:
    params = op.params.data if op and op.params else {}
    return from_dense(params["bias"]).size if "bias" in params else 0


def macs_of(op: SynapseOp) -> int:
    """Weights that meet each output pixel, border included; an identity multiplies nothing."""
    if not isinstance(op, ConvOp | DenseOp):
        return 0
    shape = tuple(op.weights.type.get_shape())
    _, height, width = op.current.type.dims
    return math.prod(shape) * height * width
