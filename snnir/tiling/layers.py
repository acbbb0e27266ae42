"""What a network asks of the machine: its layers as plain numbers and arrays, before any tiling."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from snnir.analysis.network import (
    LayerOp,
    branches,
    encode_of,
    fired_before,
    network_of,
    neuron_of,
    schedule,
    train_labels,
)
from snnir.analysis.ranges import current_range, neuron_ranges
from snnir.analysis.slices import sliced
from snnir.analysis.windows import kept_windows
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.neurons import radix_neuron, rate_neuron
from snnir.dialects.snn import (
    ConvOp,
    DenseOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    MaxSlicesOp,
    NeuronOp,
    OneToOneOp,
    PreviousOp,
    SumPoolOp,
    SynapseOp,
)
from snnir.dialects.snn_types import TrainType
from snnir.errors import UserError
from snnir.tiling.geometry import AxisTaps, Window, axis_taps

PIXEL_BITS = 8
"""Pixels are received as bytes."""


@dataclass(frozen=True)
class Synapse:
    """One branch into a layer, as a convolution over the map of `source`.

    Args:
        source: the train that is stored as a map.
        weights: integers (M, C / groups, KH, KW); dense and one-to-one synapses are special cases.
        rows, columns: taps along y and x; an average pool is in them.
        terms: taps of the pool, that is how often one weight may count in one step.
        one_to_one: whether the few weights, one for each channel, may be wider than the array's.
        delay: steps by which its currents come later; less than 0 in a window behind.
        previous: whether it sees the trains of the window before.
        slices: the stored map is seen with rows and as many slices exchanged; 0 if it is not.
        across: number of slices of the train, where they are seen as rows; 0 if they are not.
    """

    source: SSAValue
    weights: np.ndarray
    groups: int
    rows: AxisTaps
    columns: AxisTaps
    terms: int = 1
    one_to_one: bool = False
    delay: int = 0
    previous: bool = False
    slices: int = 0
    across: int = 0


@dataclass(frozen=True)
class Pool:
    """A max pool folded into the layer below it."""

    kernel: tuple[int, ...] = (1, 1)
    strides: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)


@dataclass(frozen=True)
class LayerPlan:
    """One layer: its synapses, its neuron, its pool, and the train that is stored.

    `schedule` holds coding, steps_in, steps_out, fraction and rate, as `run_neuron` takes them.
    `out` is None for the readout. Over how many `windows` the states are kept, and the bits that
    these take at least (`kept`); none where each window begins anew. `inner` is the number of
    channels of a slice where blocks of the map must not reach over slices. `turned` is the number
    of rows of a slice where rows and slices of the stored map are exchanged: the layer computes row
    after row of all slices.
    """

    label: str
    neuron: NeuronOp
    params: dict[str, np.ndarray]
    schedule: dict
    dims: tuple[int, int, int]
    synapses: tuple[Synapse, ...]
    out: SSAValue | None
    pool: Pool = Pool()
    windows: int = 1
    kept: tuple[int, ...] = ()
    inner: int = 0
    turned: int = 0

    @property
    def stored(self) -> tuple[int, int, int]:
        """(C, H, W) of what is stored behind the pool."""
        if self.out is None:
            return self.dims
        if not self.turned:
            return self.out.type.dims
        channels, height, width = self.out.type.dims
        return self.inner * height, channels // self.inner, width

    def block(self, channels: int) -> int:
        """Channels of a tile, and of a block of the map, on an array of so many channels."""
        return block_of(self.inner, channels)


def block_of(inner: int, channels: int) -> int:
    """Channels of a block: the array's, or as many of them as divide a slice's."""
    if not inner:
        return channels
    return max(n for n in range(1, min(inner, channels) + 1) if inner % n == 0)


@dataclass
class NetworkPlan:
    """A network's layers in the order in which they run."""

    name: str
    encode: EncodeOp
    layers: list[LayerPlan] = field(default_factory=list)
    relay_neurons: list[NeuronOp] = field(default_factory=list)
    """Neurons that relay layers need and the module does not define."""

    @property
    def image_bits(self) -> int:
        return self.encode.train.type.steps.data

    @property
    def windows(self) -> int:
        """Windows of a sample; 0 for any number."""
        return self.encode.window_count

    @property
    def recurrent(self) -> list[SSAValue]:
        """The trains, the image's perhaps, that are needed in the next window as well."""
        found = [s.source for layer in self.layers for s in layer.synapses if s.previous]
        return list(dict.fromkeys(found))

    def writer(self, source: SSAValue) -> LayerPlan | None:
        """Who writes a map; None for the image."""
        return next((p for p in self.layers if p.out is source), None)

    def stored(self, source: SSAValue) -> tuple[int, int, int]:
        """(C, H, W) of a map as it is kept."""
        writer = self.writer(source)
        return source.type.dims if writer is None else writer.stored

    def consumers(self, source: SSAValue) -> list[tuple[LayerPlan, Synapse]]:
        """Who reads a map."""
        return [(p, s) for p in self.layers for s in p.synapses if s.source is source]


def plan_network(module: ModuleOp) -> NetworkPlan:
    """The layers of an integer `snn` network, max pools folded into them.

    Volumes become maps of their slices, as slice-volumes does it.

    A max pool whose input is needed un-pooled as well, or is itself pooled, becomes a *relay*: a
    layer of one-to-one synapses of weight 1 whose neurons emit again exactly what they receive.
    So does one with overlapping windows where neurons keep their states.

    Raises:
        UserError: the network is not quantised, or a synapse has a form that the array cannot walk.
    """
    return _Planner(sliced(module)).plan()


class _Planner:
    def __init__(self, module: ModuleOp):
        self.module = module
        self.function = network_of(module)
        self.labels = train_labels(module)
        self.result = NetworkPlan(self.function.sym_name.data, encode_of(module))
        self.folded: set[MaxPoolOp] = set()
        self.past = [op for op in self.function.body.block.ops if isinstance(op, PreviousOp)]
        self.inner: dict[SSAValue, int] = {}
        self.turned: dict[SSAValue, int] = {}

    def plan(self) -> NetworkPlan:
        readouts = 0
        bits = self.result.encode.pixel_bits
        if bits > PIXEL_BITS:
            raise UserError(
                f"pixels have {bits} bits, the machine receives {PIXEL_BITS}",
                where="input",
            )
        returning = {one.of.data for one in self.past}
        ops = list(self.function.body.block.ops)
        for op in (op for op in ops if isinstance(op, MaxSlicesOp)):
            inner = op.source.type.dims[0] // op.slices.value.data
            self.inner[op.source] = self.inner[op.train] = inner
        for op in ops:
            if isinstance(op, FireOp) and (_is_used(op.train) or op.label.data in returning):
                self.fire(op)
            elif isinstance(op, MaxSlicesOp):
                self.relay_slices(op)
            elif isinstance(op, MaxPoolOp) and op not in self.folded and _is_used(op.train):
                self.relay(op)
            elif isinstance(op, LayerOp) and not isinstance(op, FireOp):
                self.layer(op, None, Pool())
                readouts += 1
        if readouts != 1:
            raise UserError(f"the network has {readouts} readouts, the machine sends exactly one")
        return self.result

    def fire(self, op: FireOp) -> None:
        users = [use.operation for use in op.train.uses]
        users += [one for one in self.past if one.of == op.label]
        # What a window of the pool computes again would have to begin with states that are over.
        again = self.result.windows != 1 and any(map(_overlaps, users))
        if len(users) == 1 and isinstance(users[0], MaxPoolOp) and not again:
            pool = users[0]
            self.folded.add(pool)
            self.layer(op, pool.train, _pool(pool))
        else:
            self.layer(op, op.train, Pool())

    def layer(self, op: LayerOp, out: SSAValue | None, pool: Pool) -> None:
        label = op.label.data
        if op.params is None:
            raise UserError("the layer has no integer parameters", where=label, hint="run quantise")
        params = {name: from_dense(dense) for name, dense in op.params.data.items()}
        kept, windows = (), kept_windows(op)
        if windows != 1:
            current, how = current_range(op.current.owner), schedule(op)
            kept = neuron_ranges(neuron_of(op), params, current, **how, windows=windows).state_bits
        self.result.layers.append(
            LayerPlan(
                label=label,
                neuron=neuron_of(op),
                params=params,
                schedule=schedule(op),
                dims=op.current.type.dims,
                synapses=tuple(
                    self.seen(part)
                    for branch in branches(op)
                    for part in self.by_window(_synapse(branch, label))
                ),
                out=out,
                pool=pool,
                windows=windows,
                kept=kept,
                inner=self.inner.get(out, 0),
            )
        )

    def by_window(self, synapse: Synapse) -> list[Synapse]:
        """What comes of a branch in the window of its spikes, and in the one behind."""
        if not synapse.delay or self.result.windows == 1:
            return [synapse]
        later = synapse.delay - synapse.source.type.steps.data
        return [synapse, replace(synapse, previous=True, delay=later)]

    def seen(self, synapse: Synapse) -> Synapse:
        """The synapse, turning a map back that is stored with rows and slices exchanged."""
        return replace(synapse, slices=self.turned.get(synapse.source, 0))

    def relay(self, op: MaxPoolOp) -> None:
        """Fires again what is to be pooled."""
        self.repeat(op, op.source.type.dims, self.turned.get(op.source, 0), _pool(op))

    def relay_slices(self, op: MaxSlicesOp) -> None:
        """Fires again what is to be pooled across slices, for which it sees these as rows.

        The window of a pool goes over rows and columns; so row y of all slices is a block of the
        map that the relay makes, and slices are its rows.
        """
        channels, height, width = op.source.type.dims
        slices, kernel, stride = (
            op.properties[name].value.data for name in ("slices", "kernel", "stride")
        )
        front, back = int_list(op.pads)
        # What a pool before it has turned already is as it should be.
        turn = 0 if op.source in self.turned else slices
        self.turned[op.train] = height
        dims = channels // slices * height, slices, width
        pool = Pool((kernel, 1), (stride, 1), (front, 0, back, 0))
        self.repeat(op, dims, turn, pool, across=slices)

    def repeat(
        self,
        op: MaxPoolOp | MaxSlicesOp,
        dims: tuple[int, int, int],
        slices: int,
        pool: Pool,
        across: int = 0,
    ) -> None:
        """A layer of one-to-one synapses of weight 1, whose trains are pooled.

        Args:
            dims: (C, H, W) of the map as the layer sees it.
            slices, across: as of `Synapse`.
        """
        train: TrainType = op.source.type
        channels, height, width = dims
        rate = train.coding_name == "rate"
        synapse = Synapse(
            source=op.source,
            weights=np.ones((channels, 1, 1, 1), np.int64),
            groups=channels,
            rows=axis_taps(height, height, Window(), None, height),
            columns=axis_taps(width, width, Window(), None, width),
            one_to_one=True,
            slices=slices,
            across=across,
        )
        self.result.layers.append(
            LayerPlan(
                label=f"{self.labels[op.source]}.relay",
                neuron=self.relay_neuron(rate),
                params={
                    "theta": np.ones(channels, np.int32),
                    "bias": np.zeros(channels, np.int32),
                },
                schedule={
                    "coding": train.coding_name,
                    "steps_in": train.steps.data,
                    "steps_out": train.steps.data,
                    "fraction": 0,
                    "rate": rate,
                },
                dims=dims,
                synapses=(synapse,),
                out=op.train,
                pool=pool,
                inner=self.inner.get(op.train, 0),
                turned=op.source.type.dims[1] if across else 0,
            )
        )

    def relay_neuron(self, rate: bool) -> NeuronOp:
        """A neuron that, with theta 1 and bias 0, emits the very train that it receives.

        Radix: v is the train's value and is written in binary again. Rate, soft reset, >=: v
        starts at 0, reaches 1 with each spike and fires at once.
        """
        wanted = rate_neuron("relay_rate") if rate else radix_neuron("relay_radix")
        defined = [op for op in self.module.ops if isinstance(op, NeuronOp)]
        for known in [*defined, *self.result.relay_neurons]:
            if _same_neuron(known, wanted):
                return known
        self.result.relay_neurons.append(wanted)
        return wanted


def _is_used(value: SSAValue) -> bool:
    return bool(list(value.uses))


def _overlaps(op: Operation) -> bool:
    """Whether it is a max pool with pixels in more than one of its windows."""
    if not isinstance(op, MaxPoolOp):
        return False
    pairs = zip(int_list(op.kernel), int_list(op.strides), strict=True)
    return any(kernel > stride for kernel, stride in pairs)


def _same_neuron(a: NeuronOp, b: NeuronOp) -> bool:
    """Whether two definitions differ in nothing but their name."""
    return (
        a.emission == b.emission
        and a.states == b.states
        and a.parameters == b.parameters
        and all(a.role(r).is_structurally_equivalent(b.role(r)) for r in NeuronOp.ROLES)
    )


def _pool(op: MaxPoolOp) -> Pool:
    return Pool(int_list(op.kernel), int_list(op.strides), int_list(op.pads))


def _synapse(op: SynapseOp, label: str) -> Synapse:
    if op.weight_bits is None:
        raise UserError("the weights are not integers", where=label, hint="run quantise first")
    dims = op.source.type.dims
    source, pools, terms = op.source, (None, None), 1
    if isinstance(below := op.source.owner, SumPoolOp):
        source, terms = below.source, below.sum.type.terms.data
        kernel, strides, pads = (int_list(below.properties[n]) for n in _WINDOW)
        pools = tuple(Window(kernel[a], strides[a], pads[a]) for a in (0, 1))
    weights = from_dense(op.weights).astype(np.int64)
    groups, windows = 1, (Window(dims[1]), Window(dims[2]))
    match op:
        case ConvOp():
            groups = op.groups.value.data
            strides, pads, dilations = (
                int_list(op.properties[n]) for n in ("strides", "pads", "dilations")
            )
            windows = tuple(
                Window(weights.shape[2 + a], strides[a], pads[a], dilations[a]) for a in (0, 1)
            )
        case DenseOp():
            weights = weights.reshape(-1, *dims)
        case OneToOneOp():
            weights = weights.reshape(-1, 1, 1, 1)
            groups, windows = dims[0], (Window(), Window())
    outputs = op.current.type.dims[1:]
    extents = source.type.dims[1:]
    try:
        rows, columns = (
            axis_taps(extents[a], outputs[a], windows[a], pools[a], dims[1 + a]) for a in (0, 1)
        )
    except UserError as error:
        raise UserError(error.what, where=label, hint=error.hint) from None
    one_to_one = isinstance(op, OneToOneOp)
    previous = isinstance(source.owner, PreviousOp)
    source = fired_before(source.owner).train if previous else source
    return Synapse(
        source, weights, groups, rows, columns, terms, one_to_one, op.delay_steps, previous
    )


_WINDOW = ("kernel", "strides", "pads")
