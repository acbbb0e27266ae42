"""Sliding windows in numpy: convolution through matrix products, and pooling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

COLUMN_BYTES = 48 << 20
"""Size at which a batch of unfolded windows is cut: what stays near the cache."""


def pad_or_crop(x: np.ndarray, pads: Sequence[int], value=0) -> np.ndarray:
    """Pads the last axes; negative pads cut off.

    Args:
        pads: the begins of all axes, then their ends: [top, left, bottom, right] for two.
    """
    rank = len(pads) // 2
    added, kept = [(0, 0)] * (x.ndim - rank), [slice(None)] * (x.ndim - rank)
    for size, before, behind in zip(x.shape[-rank:], pads[:rank], pads[rank:], strict=True):
        kept.append(slice(max(-before, 0), size - max(-behind, 0)))
        added.append((max(before, 0), max(behind, 0)))
    x = x[tuple(kept)]
    return np.pad(x, added, constant_values=value) if any(map(any, added)) else x


def conv3d(
    x: np.ndarray,
    weights: np.ndarray,
    *,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    groups: int,
) -> np.ndarray:
    """ONNX Conv without bias on (N, C, D, H, W): one of slices for each depth of the kernel."""
    (sz, *strides), (dz, *dilations) = strides, dilations
    x = pad_or_crop(x, pads)
    kernel = weights.shape[2]
    depth = (x.shape[2] - dz * (kernel - 1) - 1) // sz + 1
    total = None
    for kz in range(kernel):
        seen = x[:, :, kz * dz : kz * dz + sz * (depth - 1) + 1 : sz].swapaxes(1, 2)
        part = conv2d(
            seen.reshape(-1, *seen.shape[2:]),
            weights[:, :, kz],
            strides=strides,
            pads=(0, 0, 0, 0),
            dilations=dilations,
            groups=groups,
        )
        total = part if total is None else total + part
    maps = total.reshape(len(x), depth, *total.shape[1:])
    return np.ascontiguousarray(maps.swapaxes(1, 2))


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


def _window_parts(x: np.ndarray, kernel, strides, pads, depth, value):
    if len(kernel) == 3:
        x = x.reshape(*x.shape[:2], depth, -1, x.shape[-1])
    x = pad_or_crop(x, pads, value)
    rank = len(kernel)
    outputs = [(x.shape[a - rank] - kernel[a]) // strides[a] + 1 for a in range(rank)]
    for at in np.ndindex(*kernel):
        index = [
            slice(first, first + stride * (count - 1) + 1, stride)
            for first, stride, count in zip(at, strides, outputs, strict=True)
        ]
        part = x[(slice(None), slice(None), *index)]
        yield part.reshape(*part.shape[:2], -1, part.shape[-1]) if rank == 3 else part


def sum_windows(x: np.ndarray, *, kernel, strides, pads, depth=1) -> np.ndarray:
    """The sum of each window; padding counts as 0.

    Args:
        x: (N, C, H, W), or with windows of three axes volumes (N, C, depth * H, W).
    """
    return sum(_window_parts(x, kernel, strides, pads, depth, 0))


def max_windows(x: np.ndarray, *, kernel, strides, pads, depth=1) -> np.ndarray:
    """The largest of each window; padding never wins against values that are not negative."""
    parts = _window_parts(x, kernel, strides, pads, depth, 0)
    result = next(parts).copy()
    for part in parts:
        np.maximum(result, part, out=result)
    return result


def first_largest(words: np.ndarray, keys: np.ndarray, *, kernel, strides, pads, depth=1):
    """The word with the largest key of each window, the first in (z, y, x) order on a tie.

    Args:
        keys: what the words stand for, not negative, as a signed type.
    """
    ranked = zip(
        _window_parts(words, kernel, strides, pads, depth, 0),
        _window_parts(keys, kernel, strides, pads, depth, -1),
        strict=True,
    )
    word, key = (part.copy() for part in next(ranked))
    for next_word, next_key in ranked:
        better = next_key > key
        np.copyto(word, next_word, where=better)
        np.copyto(key, next_key, where=better)
    return word
