"""What images and trains that come in are to a network: pixels, words of trains, real values."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase

from snnir.dialects.assembly import int_list
from snnir.dialects.snn import EncodeOp
from snnir.errors import UserError
from snnir.interpreters.windows import pad_or_crop
from snnir.interpreters.words import packed, spike_count


def pixels_of(op: EncodeOp, images: np.ndarray) -> np.ndarray:
    """Images as the machine receives them: integers of the input's bits, (N, C, H, W), unpadded.

    uint8 images are pixels; others are real values and are rounded to the nearest pixel. Where the
    input is spikes they are the words of trains.

    Raises:
        UserError: they are not what the network takes.
    """
    train = op.train.type
    c, top_value = train.dims[0], (1 << op.pixel_bits) - 1
    images = shaped_images(op, images)
    if train.coding_name == "rate" and op.levels is None:
        return checked_words(images, train.steps.data).astype(np.uint16)
    if images.dtype == np.uint8:
        if top_value == 255:
            return images.astype(np.uint16)
        return np.rint(images * (top_value / 255)).astype(np.uint16)
    scale, zero = per_channel(op.scale), per_channel(op.zero)
    if scale is None:
        raise UserError(
            "the input has no scale", where="snn.encode", hint="run threshold-balance first"
        )
    zero = np.zeros(c) if zero is None else zero
    if op.slices is not None and len(op.pads) == 6:
        # Slices that are padded are no part of the images.
        front, back = int_list(op.pads)[0], c - int_list(op.pads)[3]
        scale, zero = scale[front:back], zero[front:back]
    pixels = images / scale.reshape(-1, 1, 1) + zero.reshape(-1, 1, 1)
    return np.clip(np.rint(pixels), 0, top_value).astype(np.uint16)


def words_of(op: EncodeOp, pixels: np.ndarray) -> np.ndarray:
    """The words of the trains that are made of what comes in, as uint16."""
    if op.levels is None:
        return pixels
    return packed([pixels > level for level in int_list(op.levels)])


def checked_words(images: np.ndarray, steps: int) -> np.ndarray:
    """Given spikes, after a look at their type and range.

    Raises:
        UserError: they are no words of so many steps.
    """
    if images.dtype != np.uint8 or images.size and images.max() >> steps:
        raise UserError(
            f"the input is spikes: words of {steps} steps as uint8 below {1 << steps}",
            hint="make them with snnc events",
        )
    return images


def input_values(op: EncodeOp, images: np.ndarray) -> np.ndarray:
    """What the trains of the image stand for, in units of its scale, as float32: pixels, or rates.

    The zero point is not taken off.
    """
    words, train = words_of(op, pixels_of(op, images)), op.train.type
    if train.coding_name == "rate":
        return spike_count(words, train.steps.data).astype(np.float32) / train.steps.data
    return words.astype(np.float32)


def shaped_images(op: EncodeOp, images: np.ndarray) -> np.ndarray:
    """The images in the (N, C, H, W) of the unpadded input; of a volume (N, C, D * H, W).

    Raises:
        UserError: if they have another number of elements or are no numbers.
    """
    shape = op.unpadded
    images = np.asarray(images)
    if images.dtype.kind not in "uif":
        raise UserError(f"images of type {images.dtype} are no numbers")
    if images.ndim < 2 or images[0].size != np.prod(shape):
        given = "x".join(map(str, images.shape[1:])) or "a number"
        raise UserError(
            f"each image is {given}, the network takes {'x'.join(map(str, shape))}",
            hint="images come as an array (N, C, H, W)",
        )
    if op.slices is not None:
        channels = op.train.type.dims[0] // op.slices.value.data
        volumes = images.reshape(len(images), channels, -1, *shape[1:])
        images = np.ascontiguousarray(volumes.swapaxes(1, 2))
    return images.reshape(len(images), shape[0], -1, shape[-1])


def padded_images(op: EncodeOp, images: np.ndarray, value=0) -> np.ndarray:
    """What `shaped_images` gives, with the encoder's padding."""
    if not any(int_list(op.pads)):
        return images
    padded = pad_or_crop(images.reshape(len(images), *op.unpadded), int_list(op.pads), value)
    return padded.reshape(len(images), *op.train.type.dims)


def per_channel(attr: DenseArrayBase | None) -> np.ndarray | None:
    """The real numbers of a per-channel property."""
    return None if attr is None else np.array(attr.get_values(), np.float64)
