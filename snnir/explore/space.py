"""What is searched: settings of the network, and arrays for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from snnir.dialects.pe_types import ArrayParameters
from snnir.targets import Target
from snnir.tiling.shape import NetworkShape


@dataclass(frozen=True, order=True)
class Setting:
    """What the trains and the weights of a network are; each is compiled on its own."""

    coding: str
    timesteps: int
    weight_bits: int

    @property
    def options(self) -> str:
        """As `snnc compile` takes it."""
        return (
            f"--coding {self.coding} --timesteps {self.timesteps} --weight-bits {self.weight_bits}"
        )


@dataclass(frozen=True)
class Space:
    """The values that are tried of each parameter.

    Args:
        banks, channels, planes, drain: of the array; empty for all that can be of use.
        weights: `onchip`, `stream`, or both.
    """

    codings: tuple[str, ...] = ("radix", "rate")
    timesteps: tuple[int, ...] = (4, 8)
    weight_bits: tuple[int, ...] = (4, 8)
    banks: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    planes: tuple[int, ...] = ()
    drain: tuple[int, ...] = ()
    weights: tuple[str, ...] = ("onchip", "stream")

    def settings(self) -> list[Setting]:
        """Each coding with each number of steps and each width of the weights."""
        return [
            Setting(*values)
            for values in product(
                dict.fromkeys(self.codings),
                dict.fromkeys(self.timesteps),
                dict.fromkeys(self.weight_bits),
            )
        ]

    def plane_choices(self, steps: int, image_bits: int) -> list[int]:
        """Planes for trains of so many steps: as many, or as many as the image has bits."""
        return sorted({n for n in self.planes or (steps, image_bits) if n >= steps})


def arrays(
    space: Space, shape: NetworkShape, widths: dict[int, dict[str, int]], target: Target
) -> Iterator[ArrayParameters]:
    """The arrays of a space that the machine has and that are of use to a network.

    Sizes that were not asked for are powers of two: no more banks than channels or than the target
    wants, no more channels than twice the widest layer has. The image may come in one word or in
    several.

    Args:
        widths: for each number of planes, the widths that are proven to suffice.
    """
    widest = max(layer.dims[0] for layer in shape.layers)
    powers = [1 << i for i in range(9)]
    for planes, wide in widths.items():
        for banks in space.banks or [n for n in powers if n <= target.max_banks]:
            for channels in space.channels or [n for n in powers if n == 1 or n < 2 * widest]:
                if not space.banks and banks > channels:
                    continue
                base = ArrayParameters(banks, channels, planes, **wide)
                for drain in space.drain or (1, 2, 4, 8):
                    if drain <= min(banks, channels):
                        yield replace(base, drain=drain)
