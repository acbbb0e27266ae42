"""Sliding windows in numpy: convolution through matrix products, and pooling."""

from __future__ import annotations

import numpy as np

COLUMN_BYTES = 48 << 20
"""Size at which a batch of unfolded windows is cut: what stays near the cache."""


def pad_or_crop(x: np.ndarray, pads: tuple[int, int, int, int], value=0) -> np.ndarray:
    """(N, C, H, W) with pads [top, left, bottom, right]; negative ones cut off."""
    top, left, bottom, right = pads
    h, w = x.shape[2:]
    x = x[:, :, max(-top, 0) : h - max(-bottom, 0), max(-left, 0) : w - max(-right, 0)]
    added = [(0, 0), (0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    if any(map(any, added)):
        x = np.pad(x, added, constant_values=value)
    return x


def conv2d(
    x: np.ndarray,
    weights: np.ndarray,
    *,
    strides: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilations: tuple[int, int],
    groups: int,
) -> np.ndarray:
    """ONNX Conv without bias on (N, C, H, W), in the element type of x and the weights.

    Many images side by side make few and large matrix products: the threads of a BLAS lose more
    than they win on the small ones of single images.
    """
    x = np.ascontiguousarray(pad_or_crop(x, pads).transpose(1, 0, 2, 3))
    c, n, h, w = x.shape
    m, per_group, kh, kw = weights.shape
    (sy, sx), (dy, dx) = strides, dilations
    oh, ow = (h - dy * (kh - 1) - 1) // sy + 1, (w - dx * (kw - 1) - 1) // sx + 1
    matrix = np.ascontiguousarray(weights.reshape(groups, m // groups, per_group * kh * kw))
    result = np.empty((n, m, oh, ow), x.dtype)
    batch = max(1, COLUMN_BYTES // (c * kh * kw * oh * ow * x.itemsize))
    memory = np.empty(c * kh * kw * min(batch, n) * oh * ow, x.dtype)
    for first in range(0, n, batch):
        part = x[:, first : first + batch]
        images = part.shape[1]
        window = memory[: c * kh * kw * images * oh * ow].reshape(c, kh, kw, images, oh, ow)
        for ky in range(kh):
            for kx in range(kw):
                y0, x0 = ky * dy, kx * dx
                window[:, ky, kx] = part[
                    :, :, y0 : y0 + sy * (oh - 1) + 1 : sy, x0 : x0 + sx * (ow - 1) + 1 : sx
                ]
        unfolded = window.reshape(groups, per_group * kh * kw, images * oh * ow)
        product = np.matmul(matrix, unfolded).reshape(m, images, oh, ow)
        result[first : first + images] = product.transpose(1, 0, 2, 3)
    return result


def _window_parts(x: np.ndarray, kernel, strides, pads, value):
    x = pad_or_crop(x, pads, value)
    (kh, kw), (sy, sx) = kernel, strides
    oh, ow = (x.shape[2] - kh) // sy + 1, (x.shape[3] - kw) // sx + 1
    for ky in range(kh):
        for kx in range(kw):
            yield x[:, :, ky : ky + sy * (oh - 1) + 1 : sy, kx : kx + sx * (ow - 1) + 1 : sx]


def sum_windows(x: np.ndarray, *, kernel, strides, pads) -> np.ndarray:
    """The sum of each window; padding counts as 0."""
    return sum(_window_parts(x, kernel, strides, pads, 0))


def max_windows(x: np.ndarray, *, kernel, strides, pads) -> np.ndarray:
    """The largest of each window; padding never wins against values that are not negative."""
    parts = _window_parts(x, kernel, strides, pads, 0)
    result = next(parts).copy()
    for part in parts:
        np.maximum(result, part, out=result)
    return result


def first_largest(words: np.ndarray, keys: np.ndarray, *, kernel, strides, pads) -> np.ndarray:
    """The word with the largest key of each window, the first in (y, x) order on a tie.

    Args:
        keys: what the words stand for, not negative, as a signed type.
    """
    ranked = zip(
        _window_parts(words, kernel, strides, pads, 0),
        _window_parts(keys, kernel, strides, pads, -1),
        strict=True,
    )
    word, key = (part.copy() for part in next(ranked))
    for next_word, next_key in ranked:
        better = next_key > key
        np.copyto(word, next_word, where=better)
        np.copyto(key, next_key, where=better)
    return word
