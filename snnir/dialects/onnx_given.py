"""What a trained spiking network says of itself: ops of the onnx dialect for functions of `snnir`.

A file that `snnir.training` writes calls three functions of the ONNX domain `snnir`, whose
attributes hold the integers that training saw. They are kept as they are down to the machine.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, StringAttr
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def

from snnir.dialects.onnx_op import TENSOR, OnnxOp


@irdl_op_definition
class PixelsOp(OnnxOp):
    """The image as the machine receives it: `scale[c] * (u - zero[c])`, u of `bits` bits."""

    name = "onnx.Pixels"
    x = operand_def(TENSOR)
    scale = prop_def(DenseArrayBase)
    zero = prop_def(DenseArrayBase)
    bits = prop_def(IntegerAttr)


@irdl_op_definition
class QuantOp(OnnxOp):
    """An activation of `bits` bits: `step * clip(round(x / step), 0, 2^bits - 1)`."""

    name = "onnx.Quant"
    x = operand_def(TENSOR)
    step = prop_def(FloatAttr)
    bits = prop_def(IntegerAttr)


@irdl_op_definition
class LevelsOp(OnnxOp):
    """Trains of pixels of 0 to 255: a spike in each step whose level is below the pixel."""

    name = "onnx.Levels"
    x = operand_def(TENSOR)
    levels = prop_def(DenseArrayBase)


@irdl_op_definition
class DelayOp(OnnxOp):
    """Trains of `steps` steps, `delay` steps later; what comes behind the last step is late."""

    name = "onnx.Delay"
    x = operand_def(TENSOR)
    steps = prop_def(IntegerAttr)
    delay = prop_def(IntegerAttr)


class GivenOp(OnnxOp):
    """What neurons and readout share.

    `unit`: real value of an integer current of 1, per output channel; `bias` on the same scale,
    times 2^`fraction`; `weight_bits` of the synapses before it.
    """

    x = operand_def(TENSOR)
    unit = prop_def(DenseArrayBase)
    bias = prop_def(DenseArrayBase)
    fraction = prop_def(IntegerAttr)
    weight_bits = prop_def(IntegerAttr)
    PER_CHANNEL: ClassVar = ("unit", "bias")


@irdl_op_definition
class NeuronsOp(GivenOp):
    """Neurons of `coding` radix or rate over `steps` steps; a spike of least weight is `spike`.

    `theta` is the threshold times 2^`fraction`. In rate coding, `leak` is what is lost of a
    membrane at each step, in 32ths; a spike is decided `ahead` steps after its own, on a membrane
    `margin` quarters of theta above it while currents are still to come. `neuron` and `values` name
    another neuron and its values, as the options of convert-onnx-to-snn do.
    """

    name = "onnx.Neurons"
    coding = prop_def(StringAttr)
    steps = prop_def(IntegerAttr)
    theta = prop_def(DenseArrayBase)
    spike = prop_def(FloatAttr)
    leak = prop_def(IntegerAttr)
    neuron = opt_prop_def(StringAttr)
    values = opt_prop_def(StringAttr)
    ahead = prop_def(IntegerAttr)
    margin = prop_def(IntegerAttr)
    PER_CHANNEL: ClassVar = ("unit", "bias", "theta")


@irdl_op_definition
class RecurrentOp(OnnxOp):
    """What the neurons of the node `of` fired one step ago, in the shape of x; 0 in the first."""

    name = "onnx.Recurrent"
    x = operand_def(TENSOR)
    of = prop_def(StringAttr)


@irdl_op_definition
class ReadoutOp(GivenOp):
    """The network's outputs, potentials that are read behind the last synapses.

    `neuron` and `values` as of onnx.Neurons; with `ties` and `silent` the largest potential is the
    score of the neuron that spiked first (`decision` of snn.readout).
    """

    name = "onnx.Readout"
    neuron = opt_prop_def(StringAttr)
    values = opt_prop_def(StringAttr)
    ties = opt_prop_def(StringAttr)
    silent = opt_prop_def(StringAttr)
