"""How the fast C computes a network: its maps, and for each synapse the kernel and its loops.

A layer's output channels are cut into tiles of 16, 32 or 64, the bytes of a vector register. Which
kernel may be used follows from proven ranges, as the widths of the hardware do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from snnir.analysis.network import (
    branches,
    encode_of,
    network_of,
    neuron_of,
    schedule,
    train_labels,
)
from snnir.analysis.ranges import current_range, integrations, neuron_ranges
from snnir.analysis.windows import kept_windows
from snnir.backends.c.fast import choice
from snnir.backends.c.fast.choice import (
    CHAIN,
    DOT,
    DOT_PLANES,
    ONE_PLANES,
    ONE_VALUE,
    PRODUCT,
    SCALAR,
    SPLIT,
)
from snnir.backends.c.fast.layout import Rows, Weights
from snnir.backends.c.gather import BY_COUNT, BY_PLANE, BY_VALUE, gather_mode
from snnir.backends.c.neurons import Datapath
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import (
    ConvOp,
    DenseOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    MaxSlicesOp,
    OneToOneOp,
    PreviousOp,
    ReadoutOp,
    SynapseOp,
)
from snnir.dialects.snn_types import SumType, TrainType
from snnir.errors import UserError


@dataclass(frozen=True)
class Map:
    """Trains of a layer in memory: words in the order (y, x, channel)."""

    label: str
    offset: int
    dims: tuple[int, int, int]
    steps: int
    coding: str

    @property
    def size(self) -> int:
        c, h, w = self.dims
        return c * h * w


@dataclass(frozen=True)
class Late:
    """A map as it was `delay` steps ago: the last ones of the window before, then this one's.

    Args:
        of: the train in the IR, whose map may come later.
        delay: steps; as many as a window has for the whole window before.
    """

    of: SSAValue
    map: Map
    delay: int


@dataclass
class Synapse:
    """A synapse with its source seen through an average pool, and its loops.

    Args:
        window: (ky, kx, sy, sx, top, left) of the average pool; all ones and zeros without one.
        dims: (channels, height, width) of the pooled source.
        runs: (y, x, pixels, row): neighbouring pixels of the window, and their first weight row.
        chunks: how many runs are worked through together, for all pixels of a tile.
        scratch: where its lists or its values begin.
        delay: steps by which trains are taken later, without those of a window before.
    """

    op: SynapseOp
    source: Map
    kernel: str
    window: tuple[int, ...]
    dims: tuple[int, int, int]
    groups: int
    strides: tuple[int, int]
    corner: tuple[int, int]
    reach: tuple[int, int]
    runs: list[tuple[int, int, int, int]]
    chunks: list[int]
    chain: int
    weights: Weights
    scratch: int = 0
    starts: int = 0
    delay: int = 0

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) of the values that all windows together see."""
        _, oh, ow = self.op.current.type.dims
        (sy, sx), (ry, rx) = self.strides, self.reach
        return (oh - 1) * sy + ry, (ow - 1) * sx + rx

    @property
    def terms(self) -> int:
        return self.op.source.type.terms.data if isinstance(self.op.source.type, SumType) else 1


@dataclass
class Layer:
    """A layer of neurons: the currents of its synapses, tile by tile, and its datapath."""

    op: FireOp | ReadoutOp
    path: Datapath
    map: Map | None
    tile: int
    halves: bool
    """Whether currents are kept as 16-bit integers."""
    bits: int
    """Width of all that its neurons compute."""
    synapses: list[Synapse] = field(default_factory=list)

    @property
    def by_plane(self) -> bool:
        return self.path.gather == BY_PLANE

    @property
    def planes(self) -> int:
        """Currents of each neuron."""
        return self.path.planes if self.by_plane else 1

    def steps(self, synapse: Synapse) -> int:
        """Planes in which a synapse is gathered: a shorter train is silent in the first ones."""
        return self.planes if self.by_plane else synapse.source.steps

    @property
    def packed(self) -> bool:
        """Whether pixels lie without gaps, so that no lane of a vector is left empty."""
        return self.op.current.type.dims[0] < 16 and self.planes == 1 and self.map is not None

    @property
    def stride(self) -> int:
        """Between the currents of neighbouring pixels (of a step)."""
        return self.op.current.type.dims[0] if self.packed else self.tile

    @property
    def lanes(self) -> int:
        """What the function of its neurons computes at once: a tile, or 16 packed pixels."""
        return 16 * self.stride if self.packed else self.tile

    @property
    def pixels(self) -> int:
        _, h, w = self.op.current.type.dims
        return h * w


@dataclass(frozen=True)
class Pool:
    """A max pool from one map to another.

    Args:
        pixels: where it goes across slices, of how many pixels: each is a map of its own, as high
            as there are slices and one train wide.
    """

    source: Map
    map: Map
    window: tuple[int, ...]
    padded: bool
    pixels: int = 0

    @property
    def row(self) -> int:
        """Trains in a row of the source."""
        return self.source.dims[0] * self.source.dims[2]


class Plan:
    """A quantised network, made ready for printing.

    Raises:
        UserError: the module is no quantised spiking network, or leaves 32 bits.
    """

    def __init__(self, module: ModuleOp):
        self.name = re.sub(r"\W", "_", network_of(module).sym_name.data)
        self.labels = train_labels(module)
        self.maps: dict[SSAValue, Map] = {}
        self.stages: list[Layer | Pool | Late] = []
        self.late: list[Late] = []
        self.rows = Rows()
        self.words = 0
        self.encode = encode_of(module)
        self.keeps = self.encode.window_count != 1
        if self.encode.pixel_bits > 8:
            raise UserError(f"the image has {self.encode.pixel_bits} bits, at most 8 fit")
        for op in network_of(module).body.block.ops:
            match op:
                case EncodeOp():
                    self._map(op.train)
                case PreviousOp():
                    self._previous(op)
                case MaxPoolOp():
                    source = self.maps[op.source]
                    padded = any(int_list(op.pads))
                    self.stages.append(Pool(source, self._map(op.train), _window(op), padded))
                case MaxSlicesOp():
                    self.stages.append(self._across(op))
                case FireOp() | ReadoutOp():
                    self.stages.append(self._layer(op))
        self._place_scratch()

    @cached_property
    def layers(self) -> list[Layer]:
        return [stage for stage in self.stages if isinstance(stage, Layer)]

    def _map(self, value: SSAValue) -> Map:
        self.maps[value] = self._placed(value.type, self.labels[value])
        return self.maps[value]

    def _placed(self, kind: TrainType, label: str = "") -> Map:
        """A new map; one without a label is no layer's."""
        new = Map(label, self.words, kind.dims, kind.steps.data, kind.coding_name)
        # Each map begins at a cache line.
        self.words += _round_up(new.size, 64)
        return new

    def _previous(self, op: PreviousOp) -> None:
        fires = (o for o in op.parent.ops if isinstance(o, FireOp))
        of = next(fire.train for fire in fires if fire.label.data == op.of.data)
        self.maps[op.train] = self._placed(op.train.type)
        self.late.append(Late(of, self.maps[op.train], op.train.type.steps.data))

    def _across(self, op: MaxSlicesOp) -> Pool:
        slices, kernel, stride = (
            op.properties[name].value.data for name in ("slices", "kernel", "stride")
        )
        pads = int_list(op.pads)
        before, behind = self.maps[op.source], self._map(op.train)
        channels, height, width = before.dims
        inner = channels // slices
        return Pool(
            replace(before, dims=(inner, slices, 1)),
            replace(behind, dims=(inner, behind.dims[0] // inner, 1)),
            (kernel, 1, stride, 1, pads[0], 0),
            any(pads),
            height * width,
        )

    def _layer(self, op: FireOp | ReadoutOp) -> Layer:
        if op.params is None:
            raise UserError("no neuron parameters", where=op.label.data, hint="run quantise")
        how, neuron, synapses = schedule(op), neuron_of(op), branches(op)
        calls, weights = integrations(how["coding"], how["rate"], how["steps_in"], how["steps_out"])
        lo, hi = current_range(op.current.owner)
        reach = max(int(hi.max()), -int(lo.min()))
        peaks = {BY_VALUE: (1 << how["steps_in"]) - 1, BY_COUNT: how["steps_in"], BY_PLANE: 1}
        gather = gather_mode(
            neuron,
            calls_take_sum=weights is not None,
            total_bits=(reach * peaks[BY_VALUE] << how["fraction"]).bit_length() + 1,
        )
        params = {name: from_dense(dense) for name, dense in op.params.data.items()}
        windows = kept_windows(op)
        bits = neuron_ranges(neuron, params, (lo, hi), **how, windows=windows).bits
        bits = max(bits, (reach * peaks[gather] << how["fraction"]).bit_length() + 1)
        if reach * peaks[gather] > choice.INT32:
            raise UserError("its currents leave 32 bits", where=op.label.data)
        path = Datapath(
            neuron=neuron,
            planes=how["steps_in"],
            calls=calls,
            steps=how["steps_out"],
            fraction=how["fraction"],
            gather=gather,
            is_readout=isinstance(op, ReadoutOp),
            takes_sum=weights is not None,
            keeps=windows != 1,
        )
        channels = op.current.type.dims[0]
        widths = choice.EVENT_TILES if gather == BY_PLANE else choice.VALUE_TILES
        tile = next((width for width in widths if channels <= width), widths[-1])
        layer = Layer(op, path, None, tile, False, bits)
        if isinstance(op, FireOp):
            layer.map = self._map(op.train)
        layer.synapses = [self._synapse(synapse, layer) for synapse in synapses]
        dense = any(s.kernel == DOT_PLANES for s in layer.synapses)
        layer.halves = gather == BY_PLANE and reach <= choice.INT16 and not dense
        return layer

    def _synapse(self, op: SynapseOp, layer: Layer) -> Synapse:
        if op.weight_bits is None:
            raise UserError(
                "the weights are floats", where=layer.op.label.data, hint="run quantise"
            )
        value, window, dims = op.source, (1, 1, 1, 1, 0, 0), op.source.type.dims
        if isinstance(value.type, SumType):
            window, value = _window(value.owner), value.owner.source
        source, weights = self.maps[value], from_dense(op.weights).astype(np.int64)
        delay = op.delay_steps
        if delay and self.keeps:
            late = Late(value, self._placed(value.type), delay)
            self.late.append(late)
            self.stages.append(late)
            source, delay = late.map, 0
        groups, strides, corner, dilations = 1, (1, 1), (0, 0), (1, 1)
        match op:
            case ConvOp():
                groups, strides = op.groups.value.data, int_list(op.strides)
                corner, dilations = int_list(op.pads)[:2], int_list(op.dilations)
            case DenseOp():
                weights = weights.reshape(-1, *dims)
            case OneToOneOp():
                weights = weights.reshape(-1, 1, 1, 1)
        kernel_size = weights.shape[2:]
        inner = dims[0] // groups
        terms = op.source.type.terms.data if isinstance(op.source.type, SumType) else 1
        largest = int(np.abs(weights).max(initial=0))
        runs = choice.runs_of(kernel_size, dilations, inner, layer.tile)
        chunks = choice.chunks_of(runs, inner * layer.tile)
        chain = min(32, 127 // max(largest, 1))
        if isinstance(op, OneToOneOp):
            kernel = ONE_PLANES if layer.by_plane else ONE_VALUE
        elif layer.by_plane:
            kernel = choice.event_kernel(weights, runs, chunks, inner, terms, chain)
            inputs = inner * kernel_size[0] * kernel_size[1]
            small = largest <= 127 and terms <= 255 and layer.tile <= 64
            if small and choice.dense_is_faster(inputs, layer.tile):
                kernel = DOT_PLANES
        else:
            steps = source.steps
            peak = terms * (steps if layer.path.gather == BY_COUNT else (1 << steps) - 1)
            kernel = DOT if peak <= 255 and largest <= 127 else PRODUCT
        synapse = Synapse(
            op=op,
            source=source,
            kernel=kernel,
            window=window,
            dims=dims,
            groups=groups,
            strides=strides,
            corner=corner,
            reach=tuple(d * (k - 1) + 1 for d, k in zip(dilations, kernel_size, strict=True)),
            runs=runs,
            chunks=chunks,
            chain=chain if chain < 4 else chain // 4 * 4,
            weights=self.rows.add(weights, groups, kernel, layer.tile, runs, inner),
            delay=delay,
        )
        return synapse

    def _place_scratch(self) -> None:
        """Lists and values of one layer at a time: all layers share the memory."""
        self.events = self.starts = self.currents = self.quads = 0
        self.values = {DOT: 0, PRODUCT: 0}
        for layer in self.layers:
            events = starts = 0
            for synapse in layer.synapses:
                quads = sum(
                    -(-run[2] * synapse.dims[0] // synapse.groups // 4) for run in synapse.runs
                )
                self.quads = max(self.quads, quads)
            values = dict.fromkeys(self.values, 0)
            for synapse in layer.synapses:
                (c, h, w), steps = synapse.dims, layer.steps(synapse)
                if synapse.kernel in (CHAIN, SPLIT, SCALAR):
                    synapse.scratch, synapse.starts = events, starts
                    events += c * h * w * steps * synapse.terms
                    starts += synapse.groups * h * steps * (w + 1)
                elif synapse.kernel in (DOT_PLANES, DOT, PRODUCT):
                    ph, pw = synapse.padded
                    kind = PRODUCT if synapse.kernel == PRODUCT else DOT
                    synapse.scratch = values[kind]
                    values[kind] += c * ph * pw * (steps if synapse.kernel == DOT_PLANES else 1)
            self.events = max(self.events, events)
            self.starts = max(self.starts, starts)
            self.values = {k: max(size, values[k]) for k, size in self.values.items()}
            self.currents = max(
                self.currents, _round_up(layer.pixels, 16) * layer.planes * layer.tile
            )


def _round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _window(op) -> tuple[int, ...]:
    return (*int_list(op.kernel), *int_list(op.strides), *int_list(op.pads)[:2])
