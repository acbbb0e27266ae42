"""Memory images: the contents of ROMs and RAMs as the hex text that $readmemh reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, ClassVar

from xdsl.context import Context
from xdsl.dialects import hw
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from snnir.hardware.memories import Memory, pack_rows, read_memory
from snnir.schedule.loading import BEAT, part_bytes, row_layout

if TYPE_CHECKING:
    from snnir.schedule.program import ProgramTables


@dataclass(frozen=True)
class MemoryTarget(Target):
    """The images of all memories with contents, each after a line `@file NAME.hex`."""

    name: ClassVar[str] = "memory"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        for file, text in memory_images(module).items():
            output.write(f"@file {file}\n{text}")


def memory_images(module: ModuleOp) -> dict[str, str]:
    """File name to text: one row per line, highest digit first."""
    images: dict[str, str] = {}
    for op in module.body.block.ops:
        if isinstance(op, hw.HWModuleExternOp):
            memory = read_memory(op)
            if memory is not None and memory.init is not None:
                images[f"{memory.name}.hex"] = image_text(memory)
    return images


def image_text(memory: Memory) -> str:
    """The hex text of a memory's contents; megabytes take milliseconds."""
    import numpy as np

    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    rows = memory.init[:, ::-1]
    text = np.empty((memory.depth, 2 * rows.shape[1] + 1), np.uint8)
    text[:, 0:-1:2] = digits[rows >> 4]
    text[:, 1:-1:2] = digits[rows & 15]
    text[:, -1] = ord("\n")
    # A row of 12 bits has three digits, in two bytes that could hold four.
    return text[:, 2 * rows.shape[1] - (memory.width + 3) // 4 :].tobytes().decode("ascii")


def weight_stream(tables: ProgramTables) -> bytes:
    """What the loaders read from DDR: port after port, tile after tile, row after row, bank after
    bank. Tiles that a batch loads for each of its images are there as often.

    A bank's row has its channels packed at the width of a weight, channel 0 lowest, and is padded
    to its slot (`row_layout`). A port's part takes whole bursts, the last one whole beats.
    """
    import numpy as np

    tables = tables.unrolled
    layout = row_layout(tables.array)
    parts = []
    for banks in np.split(tables.weights, layout.ports):
        rows = banks.transpose(1, 0, 2)
        packed = pack_rows(rows.reshape(-1, rows.shape[2]), tables.array.weight_bits)
        padded = np.pad(packed, ((0, 0), (0, layout.slot // 8 - packed.shape[1])))
        parts.append(padded.tobytes())
    size = part_bytes(len(parts[0]) * 8 // BEAT)
    return b"".join([part.ljust(size, b"\0") for part in parts[:-1]] + parts[-1:])
