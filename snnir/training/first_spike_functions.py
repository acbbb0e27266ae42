"""Bodies of the ONNX functions of first-to-spike networks: what any ONNX runtime computes for them.

Trains stand one step after the other in the batch dimension, (T * N, ...). The random numbers of a
neuron are in its thresholds, one for each step.
"""

from __future__ import annotations

OPSET = 17
IR_VERSION = 8

_HEAD = """
<opset_import: ["" : 17], domain: "snnir">
"""

LEVELS = (
    _HEAD
    + """
Levels <levels> (image) => (train) {
  levels_ = Constant <value_ints: ints = @levels> ()
  column = Constant <value_ints = [-1, 1, 1, 1, 1]> ()
  by_step = Reshape (levels_, column)
  pixels = Cast <to = 1> (by_step)
  spikes = Greater (image, pixels)
  number = Cast <to = 1> (spikes)
  open = Constant <value_ints = [-1]> ()
  rest = Shape <start = 1> (image)
  shape = Concat <axis = 0> (open, rest)
  train = Reshape (number, shape)
}
"""
)

DELAY = (
    _HEAD
    + """
Delay <steps, delay> (train) => (later) {
  steps_ = Constant <value_int: int = @steps> ()
  delay_ = Constant <value_int: int = @delay> ()
  line = Constant <value_ints = [1]> ()
  zero = Constant <value_ints = [0]> ()
  open = Constant <value_ints = [-1]> ()
  steps_line = Reshape (steps_, line)
  delay_line = Reshape (delay_, line)
  shape = Shape (train)
  rows_shape = Concat <axis = 0> (steps_line, open)
  rows = Reshape (train, rows_shape)
  end = Sub (steps_line, delay_line)
  kept = Slice (rows, zero, end, zero)
  first = Slice (rows, zero, delay_line, zero)
  nothing = Sub (first, first)
  all = Concat <axis = 0> (nothing, kept)
  later = Reshape (all, shape)
}
"""
)

_POTENTIALS = """
  steps_ = Constant <value_int: int = @steps> ()
  line = Constant <value_ints = [1]> ()
  open = Constant <value_ints = [-1]> ()
  steps_line = Reshape (steps_, line)
  shape = Shape (current)
  channels = Shape <start = 1, end = 2> (current)
  by_step_shape = Concat <axis = 0> (steps_line, open, channels, rest_line)
  by_step = Reshape (current, by_step_shape)
  column = Constant <value_ints = [-1, 1]> ()
  unit_ = Constant <value_floats: floats = @unit> ()
  units = Reshape (unit_, column)
  bias_ = Constant <value_ints: ints = @bias> ()
  biases = Reshape (bias_, column)
  ratio = Div (by_step, units)
  nearest = Round (ratio)
  currents = Cast <to = 7> (nearest)
  potentials = Add (currents, biases)
  thresholds_ = Constant <value_ints: ints = @thresholds> ()
  thresholds_shape = Concat <axis = 0> (steps_line, line, channels, line)
  thresholds = Reshape (thresholds_, thresholds_shape)
  spikes = GreaterOrEqual (potentials, thresholds)
"""

GLM = (
    _HEAD
    + """
Glm <steps, points, weight_bits, unit, bias, seed, thresholds> (current) => (train) {
  behind = Shape <start = 2> (current)
  rest_line = ReduceProd <keepdims = 1> (behind)
"""
    + _POTENTIALS
    + """
  number = Cast <to = 1> (spikes)
  train = Reshape (number, shape)
}
"""
)

FIRST_TO_SPIKE = (
    _HEAD
    + """
FirstToSpike <steps, points, weight_bits, unit, bias, seed, thresholds, ties, silent> (current)
    => (scores) {
  rest_line = Constant <value_ints = [1]> ()
"""
    + _POTENTIALS
    + """
  points_ = Constant <value_int: int = @points> ()
  four = Constant <value_int = 4> ()
  two = Constant <value_int = 2> ()
  zero = Constant <value_int = 0> ()
  one = Constant <value_int = 1> ()
  behind_point = Sub (points_, four)
  step = Pow (two, behind_point)
  real_step = Cast <to = 1> (step)
  real = Cast <to = 1> (potentials)
  ratio_16 = Div (real, real_step)
  floor_16 = Floor (ratio_16)
  low = Constant <value_float = -128.0> ()
  high = Constant <value_float = 127.0> ()
  clipped = Clip (floor_16, low, high)
  level = Sub (clipped, low)
  minus = Constant <value_int = -1> ()
  left = Range (steps_, zero, minus)
  weight = Constant <value_int = 256> ()
  left_worth = Mul (left, weight)
  steps_column = Constant <value_ints = [-1, 1, 1, 1]> ()
  worth_column = Reshape (left_worth, steps_column)
  worth = Cast <to = 1> (worth_column)
  ties_ = Constant <value_int: int = @ties> ()
  ties_real = Cast <to = 1> (ties_)
  level_worth = Mul (level, ties_real)
  full = Add (worth, level_worth)
  zero_real = Constant <value_float = 0.0> ()
  counted = Where (spikes, full, zero_real)
  best = ReduceMax <axes = [0], keepdims = 0> (counted)
  silent_ = Constant <value_int: int = @silent> ()
  by_level = Equal (silent_, zero)
  by_level_real = Cast <to = 1> (by_level)
  last_at = Sub (steps_, one)
  last = Gather <axis = 0> (level, last_at)
  last_worth = Mul (last, by_level_real)
  fired = Greater (best, zero_real)
  chosen = Where (fired, best, last_worth)
  rows = Concat <axis = 0> (open, channels)
  scores = Reshape (chosen, rows)
}
"""
)


def functions(names: set[str]):
    """The functions of these names, as onnx.FunctionProto."""
    from onnx import parser

    texts = {"Levels": LEVELS, "Delay": DELAY, "Glm": GLM, "FirstToSpike": FIRST_TO_SPIKE}
    return [parser.parse_function(texts[name]) for name in sorted(names)]
