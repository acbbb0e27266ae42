"""Shape rules of the onnx dialect: one function per kind of op, one table from op to rule.

The importer infers result shapes with these rules, the verifiers compare against them and the
rewrites build ops through them, so there is one place in which a shape can be wrong. A rule takes
the operand shapes and the op's parameters as Python values and returns the result's shape.

Raises:
    ValueError: (every rule) with one clause that says which sizes do not fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
Shapes = Sequence[Shape]
Params = Mapping[str, Any]


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def broadcast_shapes(shapes: Shapes) -> Shape:
    """Shape of an elementwise op under multidirectional (numpy) broadcasting."""
    rank = max(len(s) for s in shapes)
    result = []
    for dims in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        sizes = {d for d in dims if d != 1}
        _check(len(sizes) <= 1, f"shapes {' and '.join(map(str, shapes))} do not broadcast")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def window_outputs(spatial: Shape, kernel: Shape, p: Params) -> Shape:
    """Positions of a sliding window in each spatial dimension.

    Takes `strides`, `dilations` and `pads` (all begins, then all ends) from the parameters.
    """
    rank = len(spatial)
    strides, pads, dilations = p["strides"], p["pads"], p["dilations"]
    _check(len(kernel) == rank, f"kernel {kernel} has rank {len(kernel)}, the input needs {rank}")
    _check(len(strides) == rank, f"strides {strides} need {rank} values")
    _check(len(dilations) == rank, f"dilations {dilations} need {rank} values")
    _check(len(pads) == 2 * rank, f"pads {pads} need {2 * rank} values")
    _check(min(strides) > 0 and min(dilations) > 0, "strides and dilations must be positive")
    _check(min(kernel) > 0, f"kernel {kernel} must be positive")
    _check(min(pads) >= 0, f"pads {pads} must not be negative")
    outputs = []
    for d in range(rank):
        padded = spatial[d] + pads[d] + pads[d + rank]
        reach = (kernel[d] - 1) * dilations[d] + 1
        _check(reach <= padded, f"kernel reaches over {reach} of only {padded} padded positions")
        outputs.append((padded - reach) // strides[d] + 1)
    return tuple(outputs)


def conv(shapes: Shapes, p: Params) -> Shape:
    x, w, group = shapes[0], shapes[1], p["group"]
    _check(len(x) >= 3, f"input {x} has no spatial dimension")
    _check(len(w) == len(x), f"weights {w} and input {x} differ in rank")
    _check(group > 0, f"group {group} must be positive")
    _check(x[1] % group == 0, f"{x[1]} input channels do not divide into {group} groups")
    _check(w[0] % group == 0, f"{w[0]} output channels do not divide into {group} groups")
    _check(
        w[1] * group == x[1],
        f"input has {x[1]} channels but weights {w} with group {group} take {w[1] * group}",
    )
    if len(shapes) > 2:
        _check(shapes[2] == (w[0],), f"bias {shapes[2]} does not fit {w[0]} output channels")
    return (x[0], w[0], *window_outputs(x[2:], w[2:], p))


def gemm(shapes: Shapes, p: Params) -> Shape:
    a, b = shapes[0], shapes[1]
    _check(len(a) == 2 and len(b) == 2, f"operands {a} and {b} must be matrices")
    m, k = reversed(a) if p["transA"] else a
    k2, n = reversed(b) if p["transB"] else b
    _check(k == k2, f"input has {k} features but the weights take {k2}")
    if len(shapes) > 2:
        _check(
            broadcast_shapes([shapes[2], (m, n)]) == (m, n),
            f"bias {shapes[2]} does not fit result {(m, n)}",
        )
    return (m, n)


def matmul(shapes: Shapes, p: Params) -> Shape:
    a, b = shapes
    _check(bool(a) and bool(b), "a scalar is no matrix")
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    _check(left[-1] == right[-2], f"inner sizes of {a} and {b} differ")
    result = broadcast_shapes([left[:-2], right[:-2]]) if len(left) + len(right) > 4 else ()
    return result + left[-2:-1] * (len(a) > 1) + right[-1:] * (len(b) > 1)


def batch_normalization(shapes: Shapes, p: Params) -> Shape:
    x = shapes[0]
    _check(len(x) >= 2, f"input {x} has no channel dimension")
    for name, shape in zip(("scale", "bias", "mean", "variance"), shapes[1:], strict=True):
        _check(shape == (x[1],), f"{name} {shape} does not fit {x[1]} channels")
    return x


def same(shapes: Shapes, p: Params) -> Shape:
    return shapes[0]


GIVEN_RANGES = {
    "bits": (1, 8), "weight_bits": (2, 8), "steps": (1, 16), "fraction": (0, 16), "leak": (0, 31),
    "ahead": (0, 15), "margin": (0, 32),
}  # fmt: skip
"""What the attributes of given layers may be: what training and the shipped neurons take."""


def levels(shapes: Shapes, p: Params) -> Shape:
    values = p["levels"]
    _check(1 <= len(values) <= 16, f"{len(values)} levels, one for each of 1 to 16 steps")
    _check(0 <= min(values) <= max(values) < 255, "levels are pixels from 0 to 254")
    return shapes[0]


def delay(shapes: Shapes, p: Params) -> Shape:
    _check(1 <= p["steps"] <= 16, f"{p['steps']} steps, allowed are 1 to 16")
    _check(0 < p["delay"] < p["steps"], f"delay is {p['delay']}, allowed are 1 to steps - 1")
    return shapes[0]


def given(shapes: Shapes, p: Params) -> Shape:
    x = shapes[0]
    _check(len(x) in (2, 4, 5), f"input {x} is neither (1, channels) nor a map nor a volume")
    for name in ("scale", "zero", "unit", "bias", "theta"):
        _check(
            name not in p or len(p[name]) == x[1],
            f"{name} has {len(p.get(name, ()))} values for {x[1]} channels",
        )
    for name in ("scale", "unit", "theta"):
        _check(min(p.get(name, (1,))) > 0, f"{name} must be positive")
    for name in ("spike", "step"):
        _check(p.get(name, 1.0) > 0, f"{name} must be positive")
    check_neurons(p)
    return x


def check_neurons(p: Params) -> None:
    """What `p` has of the attributes of given layers can be, and can be together.

    Raises:
        ValueError: it cannot.
    """
    for name, (low, high) in GIVEN_RANGES.items():
        value = p.get(name, low)
        _check(low <= value <= high, f"{name} is {value}, allowed: {low} to {high}")
    coding = p.get("coding", "rate")
    _check(coding in ("radix", "rate"), f"coding '{coding}' is unknown, there are radix and rate")
    _check(p.get("coding") != "radix" or p["leak"] == 0, "neurons of radix coding do not leak")
    _check(
        not (p.get("ahead") or p.get("margin")) or (p["coding"] == "rate" and p["leak"] == 0),
        "only neurons of rate coding without a leak integrate ahead or have a margin",
    )


def clip(shapes: Shapes, p: Params) -> Shape:
    low, high = p.get("min", -math.inf), p.get("max", math.inf)
    _check(low <= high, f"min {low} is above max {high}")
    return shapes[0]


def softmax(shapes: Shapes, p: Params) -> Shape:
    _axes([p["axis"]], len(shapes[0]))
    return shapes[0]


def pool(shapes: Shapes, p: Params) -> Shape:
    x, kernel = shapes[0], p["kernel_shape"]
    _check(len(x) >= 3, f"input {x} has no spatial dimension")
    result = (*x[:2], *window_outputs(x[2:], kernel, p))
    rank = len(kernel)
    for d in range(rank):
        reach = (kernel[d] - 1) * p["dilations"][d] + 1
        _check(
            max(p["pads"][d], p["pads"][d + rank]) < reach,
            f"pads {p['pads']} reach past kernel {kernel}: a window would see padding alone",
        )
    return result


def global_pool(shapes: Shapes, p: Params) -> Shape:
    x = shapes[0]
    _check(len(x) >= 3, f"input {x} has no spatial dimension")
    return (*x[:2], *(1 for _ in x[2:]))


def _axes(axes: Sequence[int], rank: int) -> Shape:
    for axis in axes:
        _check(-rank <= axis < rank, f"axis {axis} is outside rank {rank}")
    resolved = tuple(sorted(axis % rank for axis in axes))
    _check(len(set(resolved)) == len(resolved), f"axes {tuple(axes)} repeat")
    return resolved


def reduce_mean(shapes: Shapes, p: Params) -> Shape:
    axes = _axes(p["axes"], len(shapes[0]))
    if p["keepdims"]:
        return tuple(1 if d in axes else n for d, n in enumerate(shapes[0]))
    return tuple(n for d, n in enumerate(shapes[0]) if d not in axes)


def flatten(shapes: Shapes, p: Params) -> Shape:
    x, axis = shapes[0], p["axis"]
    _check(-len(x) <= axis <= len(x), f"axis {axis} is outside rank {len(x)}")
    axis = axis + len(x) if axis < 0 else axis
    return (math.prod(x[:axis]), math.prod(x[axis:]))


def reshape(shapes: Shapes, p: Params) -> Shape:
    target = tuple(p["shape"])
    _check(
        math.prod(target) == math.prod(shapes[0]) and min(target, default=1) > 0,
        f"{shapes[0]} with {math.prod(shapes[0])} elements does not become {target}",
    )
    return target


def squeeze(shapes: Shapes, p: Params) -> Shape:
    axes = _axes(p["axes"], len(shapes[0]))
    for axis in axes:
        _check(shapes[0][axis] == 1, f"dimension {axis} of {shapes[0]} is not 1")
    return tuple(n for d, n in enumerate(shapes[0]) if d not in axes)


def unsqueeze(shapes: Shapes, p: Params) -> Shape:
    rank = len(shapes[0]) + len(p["axes"])
    axes, sizes = _axes(p["axes"], rank), iter(shapes[0])
    return tuple(1 if d in axes else next(sizes) for d in range(rank))


def transpose(shapes: Shapes, p: Params) -> Shape:
    x, perm = shapes[0], p["perm"]
    _check(sorted(perm) == list(range(len(x))), f"perm {perm} does not permute rank {len(x)}")
    return tuple(x[d] for d in perm)


def broadcast(shapes: Shapes, p: Params) -> Shape:
    return broadcast_shapes(shapes)


def pad(shapes: Shapes, p: Params) -> Shape:
    x, pads = shapes[0], p["pads"]
    modes = ("constant", "edge", "reflect", "wrap")
    _check(p["mode"] in modes, f"mode '{p['mode']}' is none of {', '.join(modes)}")
    _check(len(pads) == 2 * len(x), f"pads {pads} need {2 * len(x)} values")
    result = tuple(n + pads[d] + pads[d + len(x)] for d, n in enumerate(x))
    _check(min(result, default=1) > 0, f"pads {pads} leave nothing of {x}")
    return result


RULES: dict[str, Callable[[Shapes, Params], Shape]] = {
    "onnx.Conv": conv,
    "onnx.Gemm": gemm,
    "onnx.MatMul": matmul,
    "onnx.BatchNormalization": batch_normalization,
    "onnx.Relu": same,
    "onnx.Clip": clip,
    "onnx.MaxPool": pool,
    "onnx.AveragePool": pool,
    "onnx.GlobalAveragePool": global_pool,
    "onnx.ReduceMean": reduce_mean,
    "onnx.Flatten": flatten,
    "onnx.Reshape": reshape,
    "onnx.Squeeze": squeeze,
    "onnx.Unsqueeze": unsqueeze,
    "onnx.Transpose": transpose,
    "onnx.Add": broadcast,
    "onnx.Sub": broadcast,
    "onnx.Mul": broadcast,
    "onnx.Div": broadcast,
    "onnx.Sum": broadcast,
    "onnx.Pad": pad,
    "onnx.Identity": same,
    "onnx.Dropout": same,
    "onnx.Softmax": softmax,
    "onnx.LogSoftmax": softmax,
    "onnx.Pixels": given,
    "onnx.Neurons": given,
    "onnx.Recurrent": same,
    "onnx.Quant": given,
    "onnx.Levels": levels,
    "onnx.Delay": delay,
    "onnx.Readout": given,
}


def default_params(name: str, shapes: Shapes) -> dict[str, Any]:
    """The parameters that an op has when the text or the caller does not give them."""
    rank = max(len(shapes[0]) - 2, 0) if shapes else 0
    window = {"strides": (1,) * rank, "pads": (0,) * (2 * rank), "dilations": (1,) * rank}
    match name:
        case "onnx.Conv":
            return {**window, "group": 1}
        case "onnx.MaxPool":
            return window
        case "onnx.AveragePool":
            return {**window, "count_include_pad": 0}
        case "onnx.Gemm":
            return {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}
        case "onnx.BatchNormalization":
            return {"epsilon": 1e-5}
        case "onnx.Flatten":
            return {"axis": 1}
        case "onnx.ReduceMean":
            return {"keepdims": 1}
        case "onnx.Pad":
            return {"mode": "constant", "value": 0.0}
        case "onnx.Softmax" | "onnx.LogSoftmax":
            return {"axis": -1}
        case "onnx.Pixels":
            return {"bits": 8}
        case "onnx.Neurons":
            return {"leak": 0, "ahead": 0, "margin": 0}
        case _:
            return {}
