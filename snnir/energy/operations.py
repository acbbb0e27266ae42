"""What a network does for an image, counted from its trains: additions, reads, updates.

A synaptic operation is a spike that meets a weight: an addition (AC). An average pool has no
additions of its own, because its spikes meet the weights of the synapse behind it, each by itself;
that is how the machine computes it. Padding meets no weight, a weight of zero does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snnir.analysis.network import branches, layers, train_labels
from snnir.analysis.windows import fired_earlier
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import (
    ConvOp,
    DenseOp,
    FireOp,
    MaxPoolOp,
    OneToOneOp,
    PreviousOp,
    SumPoolOp,
)
from snnir.interpreters.snn import pool_window
from snnir.interpreters.windows import sum_windows
from snnir.schedule.summary import macs_of

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.ir import SSAValue

    from snnir.analysis.network import LayerOp
    from snnir.dialects.snn import SynapseOp


@dataclass(frozen=True)
class Branch:
    """One synapse of a layer, for one image; what follows from trains is a mean over images.

    Args:
        direct: whether it reads the image's pixels.
        input_bits: of a value that it reads, as a number; `train_bits` as a train.
        address_bits: of the place of a train in the map.
        macs: multiplications and additions of the float layer, border included.
        adds: additions of the float layer that multiply nothing (identities, average pools).
        depth: products that each output sums.
        acs: spikes that meet weights.
        touched: weights that are met by a train with a spike at all, once for all steps.
        fetched: values that are read, each once for all output channels; `fetched_trains` of these
            the trains with a spike.
    """

    direct: bool
    weights: int
    weight_bits: int
    input_bits: int
    train_bits: int
    address_bits: int
    macs: int
    adds: int
    depth: int
    acs: float
    touched: float
    fetched: int
    fetched_trains: float


@dataclass(frozen=True)
class Operations:
    """One layer, for one image.

    Args:
        acc_bits, membrane_bits: proven widths.
        updates: neurons times the steps in which they may fire; 0 of a readout.
        stored: values that are written, behind a max pool; `stored_trains` of these the trains with
            a spike, a mean over images.
        value_bits: of a value that is written, as a number; `train_bits` as a train.
    """

    name: str
    branches: tuple[Branch, ...]
    acc_bits: int
    membrane_bits: int
    updates: int
    stored: int
    stored_trains: float
    value_bits: int
    train_bits: int
    address_bits: int

    def total(self, name: str) -> float:
        """A count over all branches."""
        return sum(getattr(branch, name) for branch in self.branches)


def count_operations(
    module: ModuleOp, trains: Mapping[str, np.ndarray], windows: int = 1
) -> list[Operations]:
    """The layers of an integer network in running order, by the trains of some images.

    Args:
        trains: label -> words (N, C, H, W), as engines give them.
        windows: so many of the N, one behind the other, are one sample; counts are of a window.
    """
    labels, trains = train_labels(module), dict(trains)
    for op in module.walk():
        if isinstance(op, PreviousOp):
            labels[op.train] = f"{op.of.data} before"
            trains[labels[op.train]] = fired_earlier(trains[op.of.data], windows)
    return [_layer(op, labels, trains, windows) for op in layers(module)]


def _layer(
    op: LayerOp, labels: Mapping, trains: Mapping[str, np.ndarray], windows: int
) -> Operations:
    neurons = math.prod(op.current.type.dims)
    if isinstance(op, FireOp):
        kind = op.train.type
        steps, value_bits = kind.steps.data, _value_bits(kind)
        maps = [trains[labels[value]] for value in _stored(op.train)]
        written = sum(words[0].size for words in maps)
        with_spike = float(sum((words != 0).sum() / len(words) for words in maps))
    else:
        steps, value_bits, written, with_spike = 0, 32, neurons, float(neurons)
    return Operations(
        name=op.label.data,
        branches=tuple(_branch(synapse, labels, trains, windows) for synapse in branches(op)),
        acc_bits=op.acc_bits.value.data,
        membrane_bits=op.membrane_bits.value.data,
        updates=neurons * steps,
        stored=written,
        stored_trains=with_spike,
        value_bits=value_bits,
        train_bits=steps or 32,
        address_bits=_address_bits(written) if steps else 0,
    )


def _stored(train: SSAValue) -> Iterator[SSAValue]:
    """The maps that a layer writes: what is read by other ops than max pools."""
    readers = [use.operation for use in train.uses]
    if not all(isinstance(op, MaxPoolOp) for op in readers):
        yield train
    for op in readers:
        if isinstance(op, MaxPoolOp):
            yield from _stored(op.train)


def _branch(
    op: SynapseOp, labels: Mapping, trains: Mapping[str, np.ndarray], windows: int
) -> Branch:
    source, pools = op.source, []
    while isinstance(source.owner, SumPoolOp):
        pools.append(source.owner)
        source = source.owner.source
    words = trains[labels[source]]
    # What is late acts in the next window of the sample, whose synapse reads its weight once more.
    late = fired_earlier(words, windows) if op.delay_steps else np.zeros_like(words)
    arrived = words >> op.delay_steps, late & ((1 << op.delay_steps) - 1)
    maps = {
        "all": np.ones(words.shape[1:]),
        "some": sum((part != 0).mean(axis=0) for part in (words, late)),
        "spikes": sum(np.bitwise_count(w).mean(axis=0, dtype=np.float64) for w in arrived),
    }
    for pool in reversed(pools):
        maps = {key: sum_windows(x[None], **pool_window(pool))[0] for key, x in maps.items()}
    reached, targets = _fan_out(op)
    met = {key: float((x * reached).sum()) for key, x in maps.items()}
    kind = source.type
    identity = isinstance(op, OneToOneOp)
    outputs = math.prod(op.current.type.dims)
    weights = from_dense(op.weights)
    return Branch(
        direct=kind.coding_name == "direct",
        weights=weights.size,
        weight_bits=op.weight_bits.value.data,
        input_bits=_value_bits(kind),
        train_bits=kind.steps.data,
        address_bits=_address_bits(math.prod(kind.dims)),
        macs=macs_of(op),
        adds=(outputs if identity else 0) + sum(_pool_adds(pool) for pool in pools),
        depth=1 if identity else math.prod(weights.shape[1:]),
        acs=met["spikes"] * targets,
        touched=met["some"] * targets,
        fetched=round(met["all"]),
        fetched_trains=met["some"],
    )


def _pool_adds(pool: SumPoolOp) -> int:
    return math.prod(pool.sum.type.dims) * math.prod(int_list(pool.kernel))


def _value_bits(kind) -> int:
    """Of what a train stands for as a number: a count of spikes, or the binary number itself."""
    steps = kind.steps.data
    return steps.bit_length() if kind.coding_name == "rate" else steps


def _address_bits(places: int) -> int:
    return max(1, (places - 1).bit_length())


def _fan_out(op: SynapseOp) -> tuple[np.ndarray | int, int]:
    """For each input pixel the windows it lies in, and the output channels behind each of them."""
    match op:
        case ConvOp():
            kernel, strides = op.weights.type.get_shape()[2:], int_list(op.strides)
            dilations, pads = int_list(op.dilations), int_list(op.pads)
            channels, *outputs = int_list(op.current.type.shape)
            extents = op.seen[1:]
            reached = np.ones(1, np.int64)
            for axis, extent in enumerate(extents):
                window = (kernel[axis], strides[axis], dilations[axis], pads[axis])
                seen = _windows(extent, outputs[axis], *window)
                reached = np.multiply.outer(reached, seen)
            # Where slices are seen as channels, all of them lie in the same windows.
            slices = 1 if len(extents) == 3 else op.source.type.volume[1]
            reached = np.tile(reached.reshape(-1, extents[-1]), (slices, 1))
            return reached, channels // op.groups.value.data
        case DenseOp():
            return 1, op.current.type.dims[0]
        case _:
            return 1, 1


def _windows(extent: int, outputs: int, kernel: int, stride: int, dilation: int, pad: int):
    """How many windows each place of an axis lies in."""
    places = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation - pad
    inside = places[(places >= 0) & (places < extent)]
    return np.bincount(inside, minlength=extent)
