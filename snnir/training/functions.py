"""Bodies of the functions of the ONNX domain `snnir`: what any ONNX runtime computes for them.

Trains of rate coding stand one step after the other in the batch dimension, (T * N, ...). Integers
are computed as integers (int64); only a current is rounded to one, which float32 holds exactly as
long as it is below 2^24.
"""

from __future__ import annotations

OPSET = 17

_HEAD = """
<opset_import: ["" : 17], domain: "snnir">
"""

_INTEGERS = """
  shape = Shape (current)
  flat = Constant <value_ints = [0, 0, -1]> ()
  column = Constant <value_ints = [1, -1, 1]> ()
  two = Constant <value_int = 2> ()
  fraction_ = Constant <value_int: int = @fraction> ()
  scale = Pow (two, fraction_)
  unit_ = Constant <value_floats: floats = @unit> ()
  units = Reshape (unit_, column)
  bias_ = Constant <value_ints: ints = @bias> ()
  biases = Reshape (bias_, column)
  rows = Reshape (current, flat)
  ratio = Div (rows, units)
  nearest = Round (ratio)
  currents = Cast <to = 7> (nearest)
  scaled = Mul (currents, scale)
"""

_THETA = """
  theta_ = Constant <value_ints: ints = @theta> ()
  thetas = Reshape (theta_, column)
  half = Div (thetas, two)
  zero = Constant <value_int = 0> ()
  spike_ = Constant <value_float: float = @spike> ()
"""

PIXELS = (
    _HEAD
    + """
Pixels <scale, zero, bits, repeats> (image) => (train) {
  flat = Constant <value_ints = [0, 0, -1]> ()
  column = Constant <value_ints = [1, -1, 1]> ()
  scale_ = Constant <value_floats: floats = @scale> ()
  scales = Reshape (scale_, column)
  zero_ = Constant <value_ints: ints = @zero> ()
  zero_column = Reshape (zero_, column)
  zeros = Cast <to = 1> (zero_column)
  rows = Reshape (image, flat)
  steps = Div (rows, scales)
  shifted = Add (steps, zeros)
  nearest = Round (shifted)
  low = Constant <value_float = 0.0> ()
  bits_ = Constant <value_int: int = @bits> ()
  two = Constant <value_int = 2> ()
  one = Constant <value_int = 1> ()
  count = Pow (two, bits_)
  top_ = Sub (count, one)
  top = Cast <to = 1> (top_)
  pixel = Clip (nearest, low, top)
  centred = Sub (pixel, zeros)
  real = Mul (centred, scales)
  repeats_ = Constant <value_ints: ints = @repeats> ()
  repeated = Tile (real, repeats_)
  open = Constant <value_ints = [-1]> ()
  rest = Shape <start = 1> (image)
  shape = Concat <axis = 0> (open, rest)
  train = Reshape (repeated, shape)
}
"""
)

RADIX = (
    _HEAD
    + """
Radix <steps, fraction, weight_bits, theta, bias, unit, spike> (current) => (train) {
"""
    + _INTEGERS
    + _THETA
    + """
  one = Constant <value_int = 1> ()
  steps_ = Constant <value_int: int = @steps> ()
  count = Pow (two, steps_)
  peak = Sub (count, one)
  biased = Add (scaled, biases)
  settled = Add (biased, half)
  positive = Max (settled, zero)
  quotient = Div (positive, thetas)
  value = Min (quotient, peak)
  number = Cast <to = 1> (value)
  real = Mul (number, spike_)
  train = Reshape (real, shape)
}
"""
)

_TO_STEPS = """
  steps_ = Constant <value_int: int = @steps> ()
  line = Constant <value_ints = [1]> ()
  steps_line = Reshape (steps_, line)
  open = Constant <value_ints = [-1]> ()
  inner = Shape <start = 1> (scaled)
  by_step_shape = Concat <axis = 0> (steps_line, open, inner)
  by_step = Reshape (scaled, by_step_shape)
"""

RATE = (
    _HEAD
    + """
Rate <steps, fraction, weight_bits, theta, bias, unit, spike, leak, ahead, margin>
    (current) => (train) {
"""
    + _INTEGERS
    + _THETA
    + _TO_STEPS
    + """
  leak_ = Constant <value_int: int = @leak> ()
  of = Constant <value_int = 32> ()
  first = Gather <axis = 0> (by_step, zero)
  nothing = Mul (first, zero)
  start = Add (nothing, half)
  ahead_ = Constant <value_int: int = @ahead> ()
  ahead_line = Reshape (ahead_, line)
  silent = ConstantOfShape <value = int64[1] {0}> (ahead_line)
  each = ConstantOfShape <value = int64[1] {1}> (steps_line)
  listens = Concat <axis = 0> (each, silent)
  fires = Concat <axis = 0> (silent, each)
  margin_ = Constant <value_int: int = @margin> ()
  quarters = Constant <value_int = 4> ()
  factor = Add (margin_, quarters)
  times = Mul (thetas, factor)
  over = Mod <fmod = 0> (times, quarters)
  times_whole = Sub (times, over)
  sure = Div (times_whole, quarters)
  above = Sub (sure, thetas)
  one_line = Constant <value_ints = [1]> ()
  later = Slice (each, one_line, steps_line)
  at_last = ConstantOfShape <value = int64[1] {0}> (one_line)
  awaits = Concat <axis = 0> (later, at_last, silent)
  biased = Add (by_step, biases)
  nowhere = Mul (by_step, zero)
  late = Gather <axis = 0> (nowhere, silent)
  inputs = Concat <axis = 0> (biased, late)
  last, spikes = Scan <num_scan_inputs = 4, body = step (v, i, listening, firing, awaiting)
      => (next, sent) {
    product = Mul (v, leak_)
    remainder = Mod <fmod = 0> (product, of)
    whole = Sub (product, remainder)
    lost_ = Div (whole, of)
    lost = Mul (lost_, listening)
    kept = Sub (v, lost)
    full = Add (kept, i)
    more = Mul (above, awaiting)
    enough = Add (thetas, more)
    reached = GreaterOrEqual (full, enough)
    reached_ = Cast <to = 7> (reached)
    sent = Mul (reached_, firing)
    taken = Mul (sent, thetas)
    next = Sub (full, taken)
  }> (start, inputs, listens, fires, awaits)
  end = Add (ahead_line, steps_line)
  fired = Slice (spikes, ahead_line, end)
  number = Cast <to = 1> (fired)
  real = Mul (number, spike_)
  train = Reshape (real, shape)
}
"""
)

RECURRENT = (
    _HEAD
    + """
Recurrent <of> (current) => (train) {
  nothing = Constant <value_float = 0.0> ()
  train = Mul (current, nothing)
}
"""
)

MAX_POOL = (
    _HEAD
    + """
MaxPool <kernel_shape, strides, pads, steps> (train) => (pooled) {
  steps_ = Constant <value_int: int = @steps> ()
  line = Constant <value_ints = [1]> ()
  steps_line = Reshape (steps_, line)
  open = Constant <value_ints = [-1]> ()
  zero = Constant <value_ints = [0]> ()
  inner = Shape <start = 1> (train)
  by_step_shape = Concat <axis = 0> (steps_line, open, inner)
  by_step = Reshape (train, by_step_shape)
  fires = Sign (by_step)
  counts = ReduceSum <keepdims = 0> (fires, zero)
  most, index = MaxPool <kernel_shape: ints = @kernel_shape, strides: ints = @strides,
                         pads: ints = @pads> (counts)
  lines_shape = Concat <axis = 0> (steps_line, open)
  lines = Reshape (train, lines_shape)
  index_shape = Concat <axis = 0> (line, open)
  index_line = Reshape (index, index_shape)
  width_from = Constant <value_ints = [2]> ()
  size = Shape (index_line)
  width = Slice (size, line, width_from)
  every_shape = Concat <axis = 0> (steps_line, width)
  every = Expand (index_line, every_shape)
  picked = GatherElements <axis = 1> (lines, every)
  outer = Shape <start = 1> (most)
  shape = Concat <axis = 0> (open, outer)
  pooled = Reshape (picked, shape)
}
"""
)

READOUT = (
    _HEAD
    + """
Readout <steps, fraction, weight_bits, bias, unit> (current) => (outputs) {
"""
    + _INTEGERS
    + _TO_STEPS
    + """
  driven = Add (by_step, biases)
  axis = Constant <value_ints = [0]> ()
  potentials = ReduceSum <keepdims = 0> (driven, axis)
  number = Cast <to = 1> (potentials)
  divisor_ = Mul (scale, steps_)
  divisor = Cast <to = 1> (divisor_)
  least = Div (units, divisor)
  real = Mul (number, least)
  rest = Shape <start = 1> (current)
  outputs_shape = Concat <axis = 0> (open, rest)
  outputs = Reshape (real, outputs_shape)
}
"""
)


def functions(names: set[str]):
    """The functions of these names, as onnx.FunctionProto."""
    from onnx import parser

    texts = {"Pixels": PIXELS, "Radix": RADIX, "Rate": RATE, "MaxPool": MAX_POOL}
    texts |= {"Readout": READOUT, "Recurrent": RECURRENT}
    return [parser.parse_function(texts[name]) for name in sorted(names)]
