"""equalise: moves factors between layers so that channels have ranges alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from snnir.analysis.network import branches, layers
from snnir.analysis.synapses import term_matrix
from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.snn import ConvOp, DenseOp, FireOp, MaxPoolOp, SumPoolOp, SynapseOp
from snnir.errors import UserError


@dataclass(frozen=True)
class EqualisePass(ModulePass):
    """Makes the channels of a layer alike in range, at the cost of the layer behind.

    What: a channel whose activations are ten times smaller than those of its neighbours uses a
    tenth of the train's values, since the layer has one threshold. A Relu passes positive factors,
    so what channel c makes may be divided by s_c, if all weights that read it are multiplied by it.

    Algorithm: for each layer whose trains go to convolutions and dense synapses alone, perhaps
    through pools,

        s_c = sqrt(r_c * n_c) / n_c

    with r_c the largest weight into channel c and n_c the largest weight that reads it, in
    magnitude; both become sqrt(r_c * n_c). Layers are visited in turn, `rounds` times, since each
    factor changes the ranges of the next. Channels that nothing drives or reads keep their factors.

    Assumptions: conversion has run and threshold-balance has not: thresholds would no longer fit.
    Layers with a ceiling, and those that a residual identity reads, keep their factors.

    Options: `rounds`.

    Source: Nagel et al., ICCV 2019 (cross-layer equalisation, arXiv 1906.04721).
    """

    name = "equalise"
    rounds: int = 10

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UserError(f"rounds is {self.rounds}, at least one is needed")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pairs = []
        for layer in layers(op):
            if not isinstance(layer, FireOp):
                continue
            where = f"layer '{layer.label.data}'"
            if layer.params is not None:
                raise UserError("the weights are integers already", where=where)
            if layer.threshold is not None:
                raise UserError(
                    "the layer has a threshold, which would no longer fit",
                    where=where,
                    hint="run equalise before threshold-balance",
                )
            into, readers = branches(layer), _readers(layer.train)
            movable = all(isinstance(s, ConvOp | DenseOp) for s in (*into, *readers))
            if movable and readers and layer.ceiling is None:
                pairs.append((layer, into, readers))
        for _ in range(self.rounds):
            for layer, into, readers in pairs:
                _equalise(layer, into, readers)


def _readers(train: SSAValue) -> list[SynapseOp]:
    """The synapses that see a train, also through pools."""
    found: list[SynapseOp] = []
    for use in train.uses:
        op = use.operation
        found += _readers(op.results[0]) if isinstance(op, MaxPoolOp | SumPoolOp) else [op]
    return found


def _equalise(layer: FireOp, into: list[SynapseOp], readers: list[SynapseOp]) -> None:
    driven = np.max([np.abs(term_matrix(s)[0]).max(axis=1) for s in into], axis=0)
    read = np.zeros(len(driven))
    for synapse in readers:
        matrix, channel = term_matrix(synapse)
        np.maximum.at(read, channel, np.abs(matrix))
    used = (driven > 0) & (read > 0)
    factor = np.ones(len(driven))
    np.divide(np.sqrt(driven * read), read, out=factor, where=used)
    for synapse in into:
        matrix, _ = term_matrix(synapse)
        _write(synapse, matrix / factor[:, None])
    if layer.bias is not None:
        layer.properties["bias"] = to_dense((from_dense(layer.bias) / factor).astype(np.float32))
    for synapse in readers:
        matrix, channel = term_matrix(synapse)
        _write(synapse, matrix * factor[channel])


def _write(synapse: SynapseOp, matrix: np.ndarray) -> None:
    shape = tuple(synapse.weights.type.get_shape())
    synapse.properties["weights"] = to_dense(matrix.astype(np.float32).reshape(shape))
