"""Large constants keep their bytes: arrays to attributes, through text, and back."""

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.parser import Parser

from snnir.dialects.dense import from_dense, to_dense

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(12, dtype=np.int32).reshape(3, 4).T,
    np.arange(-500, 500, dtype=np.int16),
    np.array([-128, 127], np.int8),
    np.array([2**62, -1]),
    np.zeros((4, 4), np.int8),
    np.float32(3),
    np.zeros((0, 3), np.float32),
    np.arange(4, dtype=">i4"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{np.shape(a)}")
def test_round_trip_through_text(array):
    attr = to_dense(array)
    ctx = Context()
    ctx.load_dialect(Builtin)
    for dense in (attr, Parser(ctx, str(attr)).parse_attribute()):
        back = from_dense(dense)
        assert back.shape == np.shape(array)
        np.testing.assert_array_equal(back, array)


def test_no_copy_on_the_way_out():
    attr = to_dense(np.arange(1000, dtype=np.float32))
    assert np.shares_memory(from_dense(attr), from_dense(attr))
    assert not from_dense(attr).flags.writeable


def test_a_splat_is_one_element():
    ctx = Context()
    ctx.load_dialect(Builtin)
    dense = Parser(ctx, "dense<7> : tensor<1000x1000xi8>").parse_attribute()
    assert from_dense(dense).shape == (1000, 1000) and from_dense(dense)[3, 4] == 7


def test_booleans_are_bytes():
    assert str(to_dense(np.array([True, False]))) == "dense<[1, 0]> : tensor<2xi8>"


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, np.complex64])
def test_other_types_are_the_caller_s_to_convert(dtype):
    with pytest.raises(TypeError, match="no dense form"):
        to_dense(np.zeros(3, dtype))
