"""Weights in the order in which the kernels of the fast C read them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LINE = 64
"""Bytes of a cache line: every tile of byte weights begins at one."""


@dataclass(frozen=True)
class Weights:
    """Where the tiles of a synapse's weights lie, in bytes (or in 32-bit integers, if `wide`).

    Args:
        tiles: (first group, number of groups, offset) of each tile.
        size: weights of a group in a tile.
    """

    wide: bool
    tiles: list[tuple[int, int, int]]
    size: int


@dataclass
class Rows:
    """All weights of a network: bytes, and integers where bytes do not hold them."""

    narrow: list[np.ndarray] = field(default_factory=list)
    wide: list[np.ndarray] = field(default_factory=list)
    sizes: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def add(self, weights: np.ndarray, groups: int, kernel: str, tile: int, runs, inner: int):
        """Lays out weights (M, C/groups, KH, KW).

        A row is what one input gives to the outputs of a tile; inputs are in the order
        (ky, kx, channel). A tile holds the rows of each group that reaches into it; outputs of
        other groups are 0.
        """
        outputs = len(weights)
        wide = kernel in ("SCALAR", "PRODUCT", "ONE_PLANES", "ONE_VALUE")
        rows = weights.transpose(2, 3, 1, 0).reshape(-1, outputs)
        padded = np.zeros((len(rows), -(-outputs // tile) * tile), np.int64)
        padded[:, :outputs] = rows
        group_of = np.full(padded.shape[1], -1)
        group_of[:outputs] = np.arange(outputs) // (outputs // groups)
        tiles, size = [], 0
        for start in range(0, padded.shape[1], tile):
            part, owner = padded[:, start : start + tile], group_of[start : start + tile]
            first, last = int(owner[0]), int(owner[min(tile, outputs - start) - 1])
            tiles.append((first, last - first + 1, self.sizes[wide]))
            for group in range(first, last + 1):
                laid = _ordered(np.where(owner == group, part, 0), kernel, runs, inner)
                size = self._append(laid, wide)
        return Weights(wide, tiles, size)

    def _append(self, laid: np.ndarray, wide: bool) -> int:
        """Adds a group's weights, filled up to a cache line; how many there are then."""
        laid = np.pad(laid, (0, -laid.size % LINE))
        self.sizes[wide] += laid.size
        (self.wide if wide else self.narrow).append(laid.astype(np.int32 if wide else np.int8))
        return laid.size

    def bytes(self) -> np.ndarray:
        return np.concatenate(self.narrow) if self.narrow else np.zeros(LINE, np.int8)

    def integers(self) -> np.ndarray:
        return np.concatenate(self.wide) if self.wide else np.zeros(1, np.int32)


def _ordered(rows: np.ndarray, kernel: str, runs, inner: int) -> np.ndarray:
    """The rows (inputs, tile) of one group as one array."""
    tile = rows.shape[1]
    match kernel:
        case "CHAIN":
            # In each register even bytes are the first half of its outputs, odd ones the second:
            # a shift widens them.
            register = min(tile, LINE)
            return rows.reshape(-1, 2, register // 2).transpose(0, 2, 1).reshape(-1)
        case "SPLIT":
            low = (rows + 8) % 16 - 8
            high = _ordered((rows - low) // 16, "CHAIN", runs, inner)
            both = [
                part.reshape(-1, min(tile, LINE))
                for part in (high, _ordered(low, "CHAIN", runs, inner))
            ]
            return np.stack(both, axis=1).reshape(-1)
        case "DOT" | "DOT_PLANES":
            parts = []
            for _, _, pixels, row in runs:
                part = rows[row : row + pixels * inner]
                part = np.pad(part, ((0, -len(part) % 4), (0, 0)))
                # Four inputs of one output lie side by side.
                parts.append(part.reshape(-1, 4, tile).transpose(0, 2, 1).reshape(-1))
            return np.concatenate(parts)
        case _:
            return rows.reshape(-1)
