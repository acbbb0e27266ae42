"""Where a synapse's window falls on its input map: taps along each axis, an average pool included.

A tap of one axis is a pair (offset, kernel index): at output position o it reads the map at
`o * stride + offset` and weighs it with that index of the kernel. An average pool below the synapse
gives each kernel index as many taps as the pool is wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnir.errors import UserError


@dataclass(frozen=True)
class Window:
    """A sliding window along one axis: kernel, stride, padding in front, dilation."""

    kernel: int = 1
    stride: int = 1
    before: int = 0
    dilation: int = 1


@dataclass(frozen=True)
class AxisTaps:
    """The taps of a synapse along one axis of its input map.

    Args:
        stride: step of the map's coordinate per output position.
        bound: the synapse sees coordinates 0..bound-1 of the map.
        offsets, kernel: of each tap; sorted by pool offset, then kernel index.
    """

    stride: int
    bound: int
    offsets: tuple[int, ...]
    kernel: tuple[int, ...]

    def runs(self) -> list[tuple[int, tuple[int, ...]]]:
        """Neighbouring taps of neighbouring kernel indices, joined: (first offset, indices).

        Taps that repeat a kernel index (an average pool) stay runs of their own, so that they
        share the rows of that index instead of keeping copies.
        """
        joined: list[tuple[int, tuple[int, ...]]] = []
        for offset, index in zip(self.offsets, self.kernel, strict=True):
            if joined:
                first, indices = joined[-1]
                if offset == first + len(indices) and index == indices[-1] + 1:
                    joined[-1] = (first, (*indices, index))
                    continue
            joined.append((offset, (index,)))
        return joined


def axis_taps(
    extent: int, outputs: int, window: Window, pool: Window | None, pooled: int
) -> AxisTaps:
    """The taps of `window` over an axis of `extent`, or over its average pool of size `pooled`.

    The machine knows one bound for each axis and skips what lies outside 0..bound-1. That must be
    the very set of coordinates that the network leaves out, for each output position; taps that no
    output position can use are left out.

    Raises:
        UserError: an overlapping average pool under a padded window, where no bound does.
    """
    inner = pool or Window()
    index = np.repeat(np.arange(window.kernel)[None, :], inner.kernel, 0).ravel()
    within = np.repeat(np.arange(inner.kernel)[:, None], window.kernel, 1).ravel()
    base = index * window.dilation - window.before
    offsets = base * inner.stride + within - inner.before
    position = np.arange(outputs)[:, None] * window.stride + base
    stride = window.stride * inner.stride
    at = np.arange(outputs)[:, None] * stride + offsets
    wanted = (position >= 0) & (position < pooled) & (at >= 0) & (at < extent)
    used = wanted.any(0)
    if not used.any():
        # The window lies in the padding at each position: one tap that is always skipped stays.
        used[0] = True
    bound = extent
    if not _same(at, wanted, used, bound):
        bound = max(1, int(at[wanted].max(initial=0)) + 1)
    if not _same(at, wanted, used, bound):
        raise UserError(
            "an average pool with overlapping windows feeds a padded synapse, "
            "which the array cannot walk",
            hint="use a pool whose stride is its kernel, or a synapse without padding",
        )
    return AxisTaps(stride, bound, tuple(map(int, offsets[used])), tuple(map(int, index[used])))


def _same(at: np.ndarray, wanted: np.ndarray, used: np.ndarray, bound: int) -> bool:
    """Whether the machine's rule leaves out what the network leaves out."""
    seen = (at >= 0) & (at < bound)
    return bool((seen == wanted)[:, used].all())
