"""The comparison of engines: what counts as a difference, and where it is found."""

from dataclasses import dataclass

import numpy as np
import pytest

from snnir.runtime.compare import compare
from snnir.runtime.engine import EngineResult
from snnir.schedule.program import FIRE, READOUT, RECEIVE, Layer


@dataclass
class Tables:
    """As much of a program as a comparison looks at."""

    layers: tuple[Layer, ...]
    input_bits: int = 8


# A 4x4 map of two channels under a 2x2 pool of stride 3: row and column 2 are never computed.
TABLES = Tables(
    (
        Layer("input", RECEIVE, 0, 1, 1, 4, 4, 4, 4),
        Layer("a", FIRE, 0, 1, 2, 5, 5, 2, 2, kernel=(2, 2), strides=(3, 3), steps=4),
        Layer("out", READOUT, 0, 1, 3, 1, 1, 1, 1),
    )
)


def result(**changes) -> EngineResult:
    trains = {
        "input": np.arange(2 * 16, dtype=np.uint16).reshape(2, 1, 4, 4),
        "a": np.full((2, 2, 5, 5), 0b0101, np.uint16),
        "a.pool": np.full((2, 2, 2, 2), 0b0101, np.uint16),
    }
    found = EngineResult(np.zeros((2, 3), np.int64), trains)
    for label, (index, value) in changes.items():
        array = found.potentials if label == "out" else trains[label.replace("_", ".")]
        array[index] = value
    return found


def test_equal_results_are_equal():
    found = compare({"c": result(), "rtl": result()}, TABLES)
    assert found.equal and [layer.name for layer in found.layers] == ["input", "a", "a.pool", "out"]
    a = found.layers[1]
    assert a.compared == 2 * 2 * 16 and a.spikes == 2 * a.compared


@pytest.mark.parametrize("place", [(0, 0, 2, 0), (1, 1, 0, 2)])
def test_pixels_that_no_window_needs_do_not_count(place):
    assert compare({"c": result(), "rtl": result(a=(place, 0b1111))}, TABLES).equal


def test_the_first_step_that_differs_is_named():
    found = compare({"c": result(), "rtl": result(a=((1, 0, 4, 3), 0b0110))}, TABLES)
    assert not found.equal and found.layers[1].mismatches == 1
    first = found.difference
    assert (first.layer, first.sample, first.neuron, first.step) == ("a", 1, (0, 4, 3), 2)
    assert first.values == {"c": 0, "rtl": 1}


def test_the_first_layer_that_differs_is_named():
    other = result(a_pool=((0, 0, 0, 0), 1), out=((0, 0), 7))
    assert compare({"c": result(), "rtl": other}, TABLES).difference.layer == "a.pool"


def test_potentials_are_compared_too():
    first = compare({"c": result(), "rtl": result(out=((1, 2), -9))}, TABLES).difference
    assert (first.layer, first.neuron, first.step) == ("out", (2, 0, 0), None)
    assert first.values == {"c": 0, "rtl": -9}


def test_a_layer_that_one_engine_alone_has_is_left_out():
    lone = result()
    del lone.trains["a.pool"]
    names = [layer.name for layer in compare({"c": result(), "rtl": lone}, TABLES).layers]
    assert names == ["input", "a", "out"]
