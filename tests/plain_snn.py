"""A spiking network computed a second time, from formulas and loops, for the tests to compare with.

It shares no code with the interpreter: trains are lists of bits, convolutions are loops over
output pixels, and each neuron is a formula in the values of trains (radix, integrate-then-fire) or
a loop over the steps (causal).
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from snnir.dialects import snn


def plain_trains(module: ModuleOp, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Label -> words (N, C, H, W) of fires, and `potentials` of the readout.

    Args:
        pixels: integers (N, C, H, W), already padded where the encoder pads.
    """
    function = next(op for op in module.ops if isinstance(op, FuncOp))
    bits: dict = {}
    found: dict[str, np.ndarray] = {}
    for op in function.body.block.ops:
        if isinstance(op, snn.EncodeOp):
            bits[op.train] = _bits(pixels, op.train.type.steps.data)
        elif isinstance(op, snn.ConvOp | snn.DenseOp | snn.OneToOneOp):
            bits[op.current] = [_synapse(op, plane) for plane in bits[op.source]]
        elif isinstance(op, snn.AddOp):
            parts = [bits[c] for c in op.currents]
            bits[op.total] = [sum(planes) for planes in zip(*parts, strict=True)]
        elif isinstance(op, snn.SumPoolOp):
            bits[op.sum] = [_pool(op, plane, np.sum) for plane in bits[op.source]]
        elif isinstance(op, snn.MaxPoolOp):
            bits[op.train] = _max_pool(op, bits[op.source])
        elif isinstance(op, snn.FireOp):
            bits[op.train] = _fire(op, bits[op.current])
            found[op.label.data] = _words(bits[op.train])
        elif isinstance(op, snn.ReadoutOp):
            found["potentials"] = _potential(op, bits[op.current])
    return found


def _bits(words, steps):
    return [(words >> (steps - 1 - t)) & 1 for t in range(steps)]


def _words(planes):
    return sum(plane.astype(np.int64) << (len(planes) - 1 - t) for t, plane in enumerate(planes))


def _numbers(attr):
    return [int(v) for v in attr.get_values()]


def _array(dense):
    kind = f"<i{dense.type.get_element_type().width.data // 8}"
    flat = np.frombuffer(dense.data.data, kind)
    return (
        np.broadcast_to(flat, dense.get_shape())
        if flat.size == 1
        else flat.reshape(dense.get_shape())
    )


def _at(plane, y, x):
    """A pixel of all samples and channels; 0 outside."""
    if 0 <= y < plane.shape[2] and 0 <= x < plane.shape[3]:
        return plane[:, :, y, x].astype(np.int64)
    return np.zeros(plane.shape[:2], np.int64)


def _synapse(op, plane):
    weights = _array(op.weights).astype(np.int64)
    if isinstance(op, snn.DenseOp):
        return (plane.reshape(len(plane), -1) @ weights.T)[:, :, None, None]
    if isinstance(op, snn.OneToOneOp):
        return plane * weights[:, None, None]
    outputs, height, width = op.current.type.dims
    (sy, sx), (dy, dx) = _numbers(op.strides), _numbers(op.dilations)
    top, left = _numbers(op.pads)[:2]
    groups = op.groups.value.data
    share, per_group = outputs // groups, weights.shape[1]
    result = np.zeros((len(plane), outputs, height, width), np.int64)
    for y in range(height):
        for x in range(width):
            for ky in range(weights.shape[2]):
                for kx in range(weights.shape[3]):
                    pixel = _at(plane, y * sy + ky * dy - top, x * sx + kx * dx - left)
                    for m in range(outputs):
                        first = m // share * per_group
                        terms = pixel[:, first : first + per_group] * weights[m, :, ky, kx]
                        result[:, m, y, x] += terms.sum(1)
    return result


def _window(op, y, x):
    (ky, kx), (sy, sx) = _numbers(op.kernel), _numbers(op.strides)
    top, left = _numbers(op.pads)[:2]
    return [(y * sy + j - top, x * sx + i - left) for j in range(ky) for i in range(kx)]


def _pool(op, plane, join):
    channels, height, width = op.results[0].type.dims
    result = np.zeros((len(plane), channels, height, width), np.int64)
    for y in range(height):
        for x in range(width):
            result[:, :, y, x] = join([_at(plane, *p) for p in _window(op, y, x)], axis=0)
    return result


def _max_pool(op, planes):
    train = op.source.type
    channels, height, width = op.train.type.dims
    rate = train.coding.data == "rate"
    values = sum(planes) if rate else _words(planes)
    words = _words(planes)
    result = np.zeros((len(words), channels, height, width), np.int64)
    for n in range(len(words)):
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    inside = [
                        p
                        for p in _window(op, y, x)
                        if 0 <= p[0] < words.shape[2] and 0 <= p[1] < words.shape[3]
                    ]
                    best = max(inside, key=lambda p: values[n, c, p[0], p[1]])
                    result[n, c, y, x] = words[n, c, best[0], best[1]]
    return _bits(result, train.steps.data)


def _params(op):
    return {k: _array(v).astype(np.int64)[:, None, None] for k, v in op.params.data.items()}


def _value(op, planes):
    """What direct or radix plane currents add up to, behind the fraction's shift."""
    return _words(planes) << op.fraction.value.data


def _fire(op, planes):
    p, train = _params(op), op.train.type
    theta, bias, steps = p["theta"], p["bias"], train.steps.data
    kind = op.neuron.root_reference.data
    if train.coding.data == "radix":
        level = (_value(op, planes) + bias + (theta >> 1)) // theta
        return _bits(np.clip(level, 0, 2**steps - 1), steps)
    direct = op.current.type.coding.data == "direct"
    shift = op.fraction.value.data
    currents = [_value(op, planes)] * steps if direct else [c << shift for c in planes]
    strict = kind.endswith("_gt")
    start = theta >> 1
    if "integrate_then_fire" in kind:
        total = start + sum(currents) + steps * bias
        # v > theta in integers is v - 1 >= theta: one less to begin with.
        count = np.clip((total - strict) // theta, 0, steps)
        return [(count > t).astype(np.int64) for t in range(steps)]
    v = np.broadcast_to(start, currents[0].shape).copy()
    spikes = []
    for current in currents:
        v = v + current + bias
        spike = v > theta if strict else v >= theta
        v = np.where(spike, v - theta if "soft" in kind else 0, v)
        spikes.append(spike.astype(np.int64))
    return spikes


def _potential(op, planes):
    bias = _params(op)["bias"]
    if op.current.type.coding.data == "rate":
        return sum((c << op.fraction.value.data) + bias for c in planes)
    return _value(op, planes) + bias
