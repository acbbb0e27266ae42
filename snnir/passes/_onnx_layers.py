"""Walks a clean ONNX graph and says what each node becomes in a spiking network."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from snnir.analysis.labels import common_parent, readable
from snnir.dialects import onnx
from snnir.dialects.onnx_op import describe, shape_of
from snnir.dialects.snn import ConvOp, DenseOp, PreviousOp
from snnir.dialects.snn_types import TrainType
from snnir.errors import UserError
from snnir.passes._spiking_layers import Branch, Given, Linear, Spikes, SpikingBuilder, Window

Tensor = Spikes | Linear

_SHAPING = (onnx.FlattenOp, onnx.ReshapeOp, onnx.SqueezeOp, onnx.UnsqueezeOp)


class OnnxLayers:
    """Converts node by node; `tensors` says how each ONNX value is carried so far."""

    def __init__(self, build: SpikingBuilder, image: SSAValue, spikes: Spikes):
        self.build = build
        self.tensors: dict[SSAValue, Tensor] = {image: spikes}
        self.activation = "none"
        self.given: Given | None = None
        """What the file says of the readout."""

    def convert(self, op: Operation) -> None:
        """Gives the op's result a form.

        Raises:
            UserError: naming the node, if spikes cannot stand for what it makes.
        """
        self.build.location = op.location
        match op:
            case onnx.ConstantOp():
                return
            case onnx.ConvOp():
                form = self.conv(op)
            case onnx.GemmOp():
                form = self.gemm(op)
            case onnx.AddOp() | onnx.SumOp():
                form = self.add(op)
            case onnx.ReluOp():
                form = self.relu(op, None)
            case onnx.ClipOp():
                form = self.clip(op)
            case onnx.PixelsOp() | onnx.LevelsOp():
                form = self.tensors[op.x]
            case onnx.DelayOp():
                spikes = self.spikes(op.x, op)
                form = replace(spikes, delay=spikes.delay + op.delay.value.data)
            case onnx.NeuronsOp():
                form = self.neurons(op, Given.of(op))
            case onnx.RecurrentOp():
                form = self.recurrent(op)
            case onnx.QuantOp():
                form = self.neurons(op, Given.quantised(op, self.build))
            case onnx.ReadoutOp():
                self.given = Given.of(op)
                form = self.form(op.x, op)
            case onnx.MaxPoolOp():
                form = self.max_pool(op)
            case onnx.AveragePoolOp():
                form = self.average_pool(op)
            case onnx.SoftmaxOp() | onnx.LogSoftmaxOp():
                form = self.softmax(op)
            case _ if isinstance(op, _SHAPING):
                form = self.reshape(op)
            case onnx.IdentityOp() | onnx.DropoutOp():
                form = self.tensors[op.x]
            case _:
                kind = op.name.removeprefix("onnx.")
                raise UserError(
                    f"{kind} has no spiking form here",
                    where=describe(op),
                    hint="run simplify-onnx and fold-batchnorm before this pass",
                )
        self.tensors[op.results[0]] = form

    def finish(self, value: SSAValue, output: TensorType) -> SSAValue:
        """The readout, behind the last node."""
        form = self.tensors[value]
        if isinstance(form, Spikes):
            form = self.build.identity(form, "output", "the network's result")
        if self.activation.endswith("softmax") and max(form.dims[1:]) > 1:
            raise UserError(
                "a softmax over a map has no form on the machine",
                hint="leave it out of the model and apply it to the outputs",
            )
        return self.build.readout(form, self.activation, output, self.given)

    # Layers ------------------------------------------------------------------------------------

    def conv(self, op: onnx.ConvOp) -> Linear:
        weights, bias = self.constants(op)
        if weights.ndim not in (4, 5):
            raise UserError(
                f"a convolution over {weights.ndim - 2} dimensions", where=describe(op),
                hint="only 2-D and 3-D convolutions are supported",
            )  # fmt: skip
        params = op.params
        window = {k: params[k] for k in ("strides", "pads", "dilations")}
        window["groups"] = params["group"]
        dims = tuple(shape_of(op.result)[1:])
        source = self.spikes(op.x, op)
        self.expect_map(source, op)
        branch = Branch(ConvOp, source, weights, dims, window)
        return Linear((branch,), bias, self.name(op, "conv"), describe(op))

    def gemm(self, op: onnx.GemmOp) -> Linear:
        weights, bias = self.constants(op)
        p = op.params
        if p["transA"]:
            raise UserError("the input is transposed", where=describe(op))
        weights = weights if p["transB"] else weights.T
        weights = weights * np.float32(p["alpha"])
        if bias is not None:
            shape = (weights.shape[0],)
            bias = np.broadcast_to(bias.reshape(-1) * np.float32(p["beta"]), shape)
        source = self.spikes(op.x, op)
        if shape_of(op.x)[0] != 1:
            raise UserError("the layer sees several rows for one image", where=describe(op))
        branch = Branch(DenseOp, source, weights, (weights.shape[0], 1, 1))
        return Linear((branch,), bias, self.name(op, "dense"), describe(op))

    def constants(self, op) -> tuple[np.ndarray, np.ndarray | None]:
        weights = onnx.constant_of(op.w)
        bias = onnx.constant_of(op.b) if op.b is not None else None
        if weights is None or (op.b is not None and bias is None):
            raise UserError("the weights are computed by the network", where=describe(op))
        for array in (weights, bias):
            if array is not None and not np.isfinite(array).all():
                raise UserError(
                    "the weights hold NaN or infinite values",
                    where=describe(op),
                    hint="train or export the model again",
                )
        return weights, bias

    def add(self, op: onnx.AddOp | onnx.SumOp) -> Linear:
        if len({shape_of(v) for v in op.operands}) > 1:
            raise UserError(
                "the operands of an Add differ in shape",
                where=describe(op),
                hint="only residual Adds of equal shapes are supported",
            )
        parts = []
        for value in op.operands:
            form = self.form(value, op)
            if isinstance(form, Spikes):
                form = self.build.identity(form, "add", describe(op))
            if form.pools:
                self.build.current(form)  # raises: no Relu came behind the MaxPool
            parts.append(form)
        if len({part.dims for part in parts}) > 1:
            raise UserError("an Add joins a map with a flattened layer", where=describe(op))
        prefix = common_parent([p.name for p in parts if p.name != "add"])
        name = f"{prefix}.add" if prefix else self.build.labels.numbered("add")
        total = parts[0]
        for part in parts[1:]:
            total = total.plus(part, name, describe(op))
        return total

    # Activations -------------------------------------------------------------------------------

    def relu(self, op: onnx.ReluOp | onnx.ClipOp, ceiling: float | None) -> Tensor:
        form = self.form(op.x, op)
        if isinstance(form, Spikes):
            if ceiling is None and not form.is_input:
                return form  # never negative already
            form = self.build.identity(form, self.name(op, "clip"), describe(op))
        if ceiling is None and not form.pools and _is_output(op.results[0]):
            self.activation = "relu"
            return form
        return self.build.fire(form, ceiling)

    def neurons(self, op: onnx.NeuronsOp | onnx.QuantOp, given: Given) -> Spikes:
        """Neurons whose integers or values training has found."""
        form = self.form(op.x, op)
        if isinstance(form, Spikes):
            form = self.build.identity(form, self.name(op, "neurons"), describe(op))
        fired = self.build.fire(form, given=given)
        for past in self.past(op):
            if fired.value.type != past.train.type:
                raise UserError(
                    f"it fires {fired.value.type}, what comes again is {past.train.type}",
                    where=describe(op),
                    hint="recurrent layers have one step in each window",
                )
            past.properties["of"] = fired.value.owner.label
        return fired

    def past(self, op: Operation) -> list[PreviousOp]:
        """What stands for the spikes that a node's neurons have fired before."""
        waiting = [use for use in self.tensors.values() if isinstance(use, Spikes)]
        owners = {spikes.value.owner for spikes in waiting}
        return [o for o in owners if isinstance(o, PreviousOp) and op.node and o.of == op.node]

    def recurrent(self, op: onnx.RecurrentOp) -> Spikes:
        """What neurons fired one step ago; who they are is known when they are converted."""
        dims = (*shape_of(op.x)[1:], 1, 1)[:3]
        train = TrainType(dims, "rate", 1)
        past = PreviousOp.build(properties={"of": op.of}, result_types=[train])
        return Spikes(self.build.insert(past).train)

    def clip(self, op: onnx.ClipOp) -> Tensor:
        low, high = op.params.get("min", -math.inf), op.params.get("max", math.inf)
        if low != 0 or high <= 0:
            raise UserError(
                f"Clip to [{low}, {high}]: spikes carry values from 0 upwards",
                where=describe(op),
                hint="use Relu or a Clip with min = 0",
            )
        return self.relu(op, high if math.isfinite(high) else None)

    def softmax(self, op: onnx.SoftmaxOp | onnx.LogSoftmaxOp) -> Tensor:
        shape, axis = shape_of(op.x), op.params["axis"]
        over_classes = math.prod(shape) == shape[axis]
        if not _is_output(op.results[0]) or not over_classes or self.activation != "none":
            raise UserError(
                "a softmax must be the last node and run over the classes", where=describe(op)
            )
        self.activation = "softmax" if isinstance(op, onnx.SoftmaxOp) else "logsoftmax"
        return self.form(op.x, op)

    # Pools and shapes --------------------------------------------------------------------------

    def max_pool(self, op: onnx.MaxPoolOp) -> Tensor:
        window = self.window(op)
        form = self.form(op.x, op)
        self.expect_map(form, op)
        if isinstance(form, Linear):
            return replace(form, pools=(*form.pools, window))
        if form.is_input:
            raise UserError(
                "max pooling of the network input is not supported",
                where=describe(op),
                hint="put a convolution with Relu before it, or pool the images beforehand",
            )
        if form.is_sum:
            form = self.build.relay(form, describe(op))
        return self.build.max_pool(form, window)

    def average_pool(self, op: onnx.AveragePoolOp) -> Tensor:
        window = self.window(op)
        form = self.form(op.x, op)
        self.expect_map(form, op)
        if any(window.pads) and not op.params["count_include_pad"]:
            raise UserError(
                "an AveragePool with pads that do not count in the mean divides differently at "
                "the rim",
                where=describe(op),
                hint="export it with count_include_pad = 1, or without pads",
            )
        if isinstance(form, Spikes):
            return self.averaged(form, window, op)
        if form.pools or any(window.pads) or not all(b.is_pointwise for b in form.branches):
            raise UserError(
                "an AveragePool takes values that may be negative, which no spike can carry",
                where=describe(op),
                hint="put a Relu before it, or pool before the convolution",
            )
        # An average and a 1x1 convolution commute.
        pooled = [self.averaged(b.source, window, op) for b in form.branches]
        branches = tuple(
            replace(b, source=s, dims=window.outputs(b.dims))
            for b, s in zip(form.branches, pooled, strict=True)
        )
        return replace(form, branches=branches)

    def averaged(self, spikes: Spikes, window: Window, op: Operation) -> Spikes:
        if spikes.is_sum:
            if spikes.is_input:
                raise UserError(
                    "two average pools directly on the network input", where=describe(op),
                    hint="use one pool, or put a convolution with Relu between them",
                )  # fmt: skip
            spikes = self.build.relay(spikes, describe(op))
        return self.build.sum_pool(spikes, window)

    def window(self, op: onnx.MaxPoolOp | onnx.AveragePoolOp) -> Window:
        p = op.params
        if len(p["kernel_shape"]) not in (2, 3) or set(p["dilations"]) != {1}:
            raise UserError(
                "a pool that is dilated, or over one axis or more than three",
                where=describe(op),
                hint="only plain 2-D and 3-D pools are supported",
            )
        return Window(tuple(p["kernel_shape"]), tuple(p["strides"]), tuple(p["pads"]))

    def reshape(self, op: Operation) -> Tensor:
        form = self.form(op.operands[0], op)
        before, after = shape_of(op.operands[0]), shape_of(op.results[0])
        if isinstance(form, Spikes) and len(form.dims) == 4 and len(after) == 4:
            merged = replace(form, reshaped=True)
            if after == (1, *merged.dims):
                return merged
        maps = len(after) in (4, 5) and tuple(after[1:]) != form.dims
        if (after and after[0] != 1 and before[0] == 1) or maps:
            raise UserError(
                f"a reshape of {before} to {after} inside of the network",
                where=describe(op),
                hint="only flattening before a fully connected layer is supported, and slices that "
                "become channels: (1, C, D, H, W) to (1, C * D, H, W)",
            )
        return form

    # Helpers -----------------------------------------------------------------------------------

    def form(self, value: SSAValue, op: Operation) -> Tensor:
        if value not in self.tensors:
            raise UserError(
                "an operand is a constant that is no weight or bias",
                where=describe(op),
                hint="run simplify-onnx before this pass",
            )
        return self.tensors[value]

    def spikes(self, value: SSAValue, op: Operation) -> Spikes:
        form = self.form(value, op)
        if isinstance(form, Linear):
            raise UserError(
                f"takes the output of {form.node}, which has no Relu: negative values cannot be "
                "spikes",
                where=describe(op),
                hint="put a Relu between the two layers, or merge them into one",
            )
        return form

    def expect_map(self, form: Tensor, op: Operation) -> None:
        shape = tuple(shape_of(op.operands[0])[1:])
        if form.dims != shape:
            raise UserError(
                f"takes a map of {shape} that was {form.dims} before a reshape", where=describe(op)
            )

    def name(self, op: Operation, kind: str) -> str:
        candidates = [op.node.data if op.node else None]
        if isinstance(op, onnx.ConvOp | onnx.GemmOp) and isinstance(op.w.owner, onnx.ConstantOp):
            node = op.w.owner.node
            candidates.insert(0, node.data if node else None)
        found = next((r for c in candidates if (r := readable(c))), None)
        return found or self.build.labels.numbered(kind)


def _is_output(value: SSAValue) -> bool:
    """Whether nothing but shapes and a softmax stands between this value and the result."""
    passing = (*_SHAPING, onnx.SoftmaxOp, onnx.LogSoftmaxOp, onnx.IdentityOp, onnx.DropoutOp)
    users = [use.operation for use in value.uses]
    return bool(users) and all(
        isinstance(u, ReturnOp) or (isinstance(u, passing) and _is_output(u.results[0]))
        for u in users
    )
