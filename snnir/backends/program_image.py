"""Program images: the bytes that a machine's program loader fetches from DDR."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from snnir.hardware.reconfigurable.image_format import (
    COUNT_BITS,
    HEADER,
    MAGIC,
    VERSION,
    WORD,
    sections,
)
from snnir.hardware.reconfigurable.tables import MachineTables

if TYPE_CHECKING:
    from snnir.dialects.snn import NeuronOp
    from snnir.hardware.reconfigurable.machine import Machine
    from snnir.schedule.program import ProgramTables

BYTES = WORD // 8


def program_image(
    machine: Machine, program: ProgramTables, neurons: Mapping[str, NeuronOp]
) -> bytes:
    """The image of a program on a machine; the weights are `backends.memory.weight_stream`.

    Raises:
        UserError: the program does not fit the machine.
    """
    placed = machine.fits(program, neurons)
    parts = sections(MachineTables(machine))
    bodies = [np.array([placed.settings.low(k) for k in parts[0].fields.stored], "<u8")]
    counts = [len(bodies[0])]
    for part in parts[1:]:
        rows = part.fields.pack(getattr(placed, part.name).columns)
        padded = np.pad(rows, ((0, 0), (0, part.words * BYTES - rows.shape[1])))
        bodies.append(np.ascontiguousarray(padded).view("<u8").ravel())
        counts.append(len(rows))
    words = HEADER + sum(map(len, bodies)) + 1
    numbers = [VERSION, machine.identity, words, *counts]
    numbers += [0] * (2 * (HEADER - 1) - len(numbers))
    pairs = np.array(numbers, np.uint64).reshape(-1, 2)
    header = np.append(np.uint64(MAGIC), pairs[:, 0] | pairs[:, 1] << np.uint64(COUNT_BITS))
    data = np.concatenate([header.astype("<u8"), *bodies]).tobytes()
    return data + zlib.crc32(data).to_bytes(BYTES, "little")
