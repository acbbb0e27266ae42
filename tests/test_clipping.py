"""Thresholds that are learned from the outputs of the network."""

from __future__ import annotations

import numpy as np
import pytest
from digits import CALIBRATION, balanced, quantised

from snnir.analysis.network import encode_of, layers
from snnir.calibration.clipping import learned
from snnir.calibration.images import load_calibration
from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.snn import FireOp
from snnir.interpreters.snn import run_snn
from snnir.passes._layer_in_work import train_values
from snnir.passes.threshold_balance import rescale

IMAGES = 48


def strayed(module, factors) -> float:
    """Error of the quantised network's outputs, its full-scales multiplied by the factors."""
    images = load_calibration(str(CALIBRATION), IMAGES, encode_of(module))
    wanted = run_snn(module, images).outputs
    other = module.clone()
    for op in fires(other):
        factor = factors.get(op.label.data)
        if factor is not None:
            rescale(op, factor)
    options = f"weight-bits=8 rounding=mse calibration={CALIBRATION} samples={IMAGES}"
    found = run_snn(quantised(other, options), images).outputs
    return float(((found - wanted) ** 2).mean() / wanted.var())


def fires(module) -> list[FireOp]:
    return [op for op in layers(module) if isinstance(op, FireOp)]


def factors_of(module, fixed=()):
    images = load_calibration(str(CALIBRATION), IMAGES, encode_of(module))
    kept = {op for op in fires(module) if op.label.data in fixed}
    found = learned(module, images, train_values(module), kept)
    return {op.label.data: factor for op, factor in found.items()}


@pytest.mark.parametrize("convert", ["timesteps=3", "coding=rate timesteps=6"])
@pytest.mark.parametrize(("wrong", "low", "high"), [(3.0, 0.2, 0.67), (0.3, 1.5, 5)])
def test_a_full_scale_that_is_wrong_is_found(convert, wrong, low, high):
    module = balanced(convert)
    middle = fires(module)[1]
    middle.properties["threshold"] = to_dense(from_dense(middle.threshold) * np.float32(wrong))
    factors = factors_of(module, fixed=[op.label.data for op in fires(module) if op is not middle])
    assert list(factors) == [middle.label.data]
    assert low < factors[middle.label.data] < high
    assert strayed(module, factors) < 0.8 * strayed(module, {})


@pytest.mark.parametrize("convert", ["timesteps=3", "coding=rate timesteps=6"])
def test_outputs_do_not_stray_more(convert):
    module = balanced(convert)
    factors = factors_of(module)
    assert strayed(module, factors) <= 1.05 * strayed(module, {})


def test_fixed_layers_keep_theirs():
    module = balanced("timesteps=2")
    for op in fires(module):
        op.properties["threshold"] = to_dense(from_dense(op.threshold) * np.float32(2))
    before = {op.label.data: from_dense(op.threshold).copy() for op in fires(module)}
    factors = factors_of(module, fixed=["conv1"])
    assert factors and "conv1" not in factors
    assert all((from_dense(op.threshold) == before[op.label.data]).all() for op in fires(module))
