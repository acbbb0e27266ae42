"""Small random networks over volumes, as ONNX graphs in the IR, for tests."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from snnir.dialects import onnx

IMAGES = 4


class VolumeGraph:
    """A graph of 3-D layers that ends in 2-D ones, by a seed.

    `made` counts what is in it.
    """

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.made: set[str] = set()
        shape = (self.pick(1, 2), self.pick(3, 4, 5), self.pick(3, 4, 5), self.pick(3, 4, 6))
        self.block = Block(arg_types=[TensorType(f32, (1, *shape))])
        self.value = self.block.args[0]
        self.conv()
        for _ in range(self.pick(1, 1, 2)):
            self.pick(self.conv, self.average, self.maximum, self.maximum, self.residual)()
        self.hybrid()
        outputs = int(np.prod(self.shape[1:]))
        self.add(onnx.FlattenOp, self.value)
        self.add(onnx.GemmOp, self.value, self.constant(3, outputs), self.constant(3), transB=1)
        function = FuncOp("volumes", ([TensorType(f32, (1, *shape))], [self.value.type]))
        self.block.add_op(ReturnOp(self.value))
        function.detach_region(function.body)
        function.add_region(Region(self.block))
        self.module = ModuleOp([function])
        self.images = self.rng.integers(0, 256, (IMAGES, *shape)).astype(np.uint8)

    def pick(self, *options):
        return options[self.rng.integers(len(options))]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.type.get_shape()

    def add(self, kind, *operands, **params):
        op = kind(*operands, **params)
        self.block.add_op(op)
        self.value = op.results[0]
        return self.value

    def constant(self, *shape):
        # More weights above 0 than below, so that no layer is silent.
        values = self.rng.normal(0.4, 1, shape) / np.sqrt(np.prod(shape[1:]) or 1)
        op = onnx.ConstantOp(values.astype(np.float32))
        self.block.add_op(op)
        return op.results[0]

    def conv(self) -> None:
        """A convolution of as many axes as the value has, and a Relu."""
        _, channels, *extents = self.shape
        rank = len(extents)
        kernel = [min(self.pick(1, 2, 3), n) for n in extents]
        pads = [self.pick(0, 0, 1) for _ in range(2 * rank)]
        strides = [self.pick(1, 1, 2) for _ in extents]
        dilations = [2 if 2 * (k - 1) < n and self.pick(False, False, True) else 1
                     for k, n in zip(kernel, extents, strict=True)]  # fmt: skip
        group = 2 if channels % 2 == 0 and self.pick(False, False, True) else 1
        outputs = self.pick(2, 4, 6)
        weights = self.constant(outputs, channels // group, *kernel)
        window = {"pads": pads, "strides": strides, "dilations": dilations, "group": group}
        window = {key: tuple(v) if isinstance(v, list) else v for key, v in window.items()}
        self.made |= {f"conv{rank}", *(name for name in ("pads",) if any(pads))}
        self.made |= {"groups"} if group > 1 else set()
        self.made |= {"dilations"} if max(dilations) > 1 else set()
        self.add(onnx.ConvOp, self.value, weights, self.constant(outputs), **window)
        self.add(onnx.ReluOp, self.value)

    def average(self) -> None:
        """An average pool, which the convolution behind it takes up."""
        kernel = tuple(min(self.pick(1, 2), n) for n in self.shape[2:])
        self.made.add("average across slices" if len(kernel) == 3 and kernel[0] > 1 else "average")
        self.add(onnx.AveragePoolOp, self.value, kernel_shape=kernel, strides=kernel)
        self.conv()

    def maximum(self) -> None:
        """A max pool whose windows may overlap and reach over the rim."""
        kernel = tuple(min(self.pick(1, 2, 2, 3), n) for n in self.shape[2:])
        strides = tuple(self.pick(1, k) for k in kernel)
        pads = tuple(self.pick(0, min(k - 1, 1)) for k in (*kernel, *kernel))
        self.made.add("max across slices" if len(kernel) == 3 and kernel[0] > 1 else "max")
        self.add(onnx.MaxPoolOp, self.value, kernel_shape=kernel, strides=strides, pads=pads)

    def residual(self) -> None:
        self.made.add("residual")
        before, channels, rank = self.value, self.shape[1], len(self.shape) - 2
        weights = self.constant(channels, channels, *[3] * rank)
        self.add(onnx.ConvOp, self.value, weights, None, pads=(1,) * 2 * rank)
        self.add(onnx.AddOp, self.value, before)
        self.add(onnx.ReluOp, self.value)

    def hybrid(self) -> None:
        """Slices become channels, perhaps, of a convolution or a pool of maps."""
        _, channels, depth, *area = self.shape
        if self.pick(False, True, True):
            merged = (1, channels * depth, *area)
            self.made.add("reshape")
            self.add(onnx.ReshapeOp, self.value, shape=merged)
            self.pick(self.conv, self.average, self.maximum)()
