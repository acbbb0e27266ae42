"""What can be proven about the maps of a program that are kept in DDR."""

from __future__ import annotations

import numpy as np

from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_moves import BufferOp, LoadOp, StoreOp
from snnir.errors import UserError
from snnir.schedule.moving import BURST_BYTES, record_of
from snnir.schedule.reading import places_of, row_bits


def check_buffers(program: ProgramOp) -> None:
    """Check addresses and the order of loads and stores.

    Raises:
        UserError: two maps overlap, rows are of another size, or are loaded before they are stored.
    """
    if not program.buffers:
        return
    bits, end = row_bits(program, places_of(program).values()), 0
    stored: dict[object, np.ndarray] = {}
    for op in sorted(program.buffers, key=lambda op: op.at.value.data):
        kind, label = op.buffer.type.map, op.label.data
        needed = record_of(kind, program.array.data, *bits).bursts * BURST_BYTES
        size = op.row_bytes.value.data
        if size != needed:
            raise UserError(f"a row takes {needed} bytes of DDR, not {size}", where=label)
        if op.at.value.data < end:
            raise UserError("the map overlaps another one in DDR", where=label)
        end = op.at.value.data + size * kind.blocks * kind.dims[1]
        stored[op.buffer] = np.zeros(kind.dims[1], bool)
    for op in program.steps:
        if not isinstance(op, LoadOp | StoreOp):
            continue
        rows = stored[op.buffer][op.row.value.data :][: op.part.dims[1]]
        if isinstance(op, StoreOp):
            rows[:] = True
        elif not rows.all():
            first = op.row.value.data + int(np.flatnonzero(~rows)[0])
            origin: BufferOp = op.origin
            raise UserError(
                f"row {first} of map '{origin.label.data}' is loaded before it is stored",
                where=op.label.data,
            )
