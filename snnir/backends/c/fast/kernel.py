"""A kernel of the fast C: which loop over weights it is, and for what widths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kernel:
    """One function: `chain` is how many bytes may be added before they are widened."""

    kind: str
    tile: int
    halves: bool
    chain: int
    steps: int
    stride: int
    """Between the currents of two pixels, where these are not those of several steps."""

    @property
    def name(self) -> str:
        chain = f"_{self.chain}" if self.chain else ""
        steps = f"_{self.steps}" if self.kind.startswith("ONE") else ""
        steps += f"_of_{self.stride}" if self.stride != self.tile else ""
        width = "half" if self.halves else "whole"
        return f"{self.kind.lower()}_{self.tile}{chain}{steps}_{width}"

    @property
    def member(self) -> str:
        return "half" if self.halves else "whole"

    @property
    def type(self) -> str:
        return "int16_t" if self.halves else "int32_t"


def indent(lines: Iterable[str], by: int) -> list[str]:
    return [line if line.startswith("#") else " " * by + line for line in lines]
