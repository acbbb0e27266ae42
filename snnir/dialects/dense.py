"""Large constants: numpy arrays in and out of dense attributes without touching an element.

Everything in the compiler that holds weights, biases, thresholds or tables goes through
`to_dense` and `from_dense`. The bytes of the array are the bytes of the attribute, so the cost
is one copy on the way in and none on the way out; `DenseIntOrFPElementsAttr.from_list` would
cost microseconds per weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.dialects.builtin import (
    BytesAttr,
    DenseIntOrFPElementsAttr,
    Float32Type,
    IntegerType,
    TensorType,
    f32,
    i8,
)

if TYPE_CHECKING:
    import numpy as np


def to_dense(array: np.ndarray) -> DenseIntOrFPElementsAttr:
    """The array as a dense attribute of tensor type, in little-endian row-major order.

    float32, int8, int16, int32 and int64 keep their type; bool becomes i8 (0 or 1), because
    sub-byte dense data is not interchangeable with MLIR. A scalar becomes `tensor<f32>`.

    Raises:
        TypeError: for any other element type; the caller converts, and so decides the rounding.
    """
    import numpy as np

    array = np.asarray(array)
    shape = array.shape
    if array.dtype == np.bool_:
        array, element = array.astype(np.int8), i8
    elif array.dtype == np.float32:
        element = f32
    elif array.dtype.kind == "i":
        element = IntegerType(array.dtype.itemsize * 8)
    else:
        raise TypeError(f"no dense form for element type {array.dtype}")
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return DenseIntOrFPElementsAttr(TensorType(element, shape), BytesAttr(array.tobytes()))


def from_dense(attr: DenseIntOrFPElementsAttr) -> np.ndarray:
    """The attribute as a read-only array that shares its bytes.

    A splat that the parser left as one element (`dense<0> : tensor<4x4xi8>`) comes back as a
    broadcast view of that element.

    Raises:
        TypeError: for an element type that `to_dense` does not make.
    """
    import numpy as np

    element = attr.type.get_element_type()
    if isinstance(element, Float32Type):
        dtype = np.dtype("<f4")
    elif isinstance(element, IntegerType) and element.width.data in (8, 16, 32, 64):
        dtype = np.dtype(f"<i{element.width.data // 8}")
    else:
        raise TypeError(f"no array form for element type {element}")
    flat = np.frombuffer(attr.data.data, dtype)
    shape = tuple(attr.get_shape())
    if flat.size == 1:
        return np.broadcast_to(flat[0], shape)
    return flat.reshape(shape)
