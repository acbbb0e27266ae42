"""How many bits of an event's position the machine needs to find its weight row."""

from __future__ import annotations

import numpy as np

from snnir.dialects.dense import from_dense
from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_layers import StreamOp


def least_position_bits(program: ProgramOp) -> int:
    """The least number m of low bits of q by which every run tells its events apart.

    A run knows the position at which it begins, so an event need only say how far behind that it
    lies. That is found from bit m - 1 of both and the lower bits of the event, if no event of the
    run lies more than 2^(m-1) behind the run's first position; see "Positions" in docs/machine.md.
    """
    banks = program.array.banks
    streams = [s for layer in program.layers for tile in layer.tiles for s in tile.streams]
    reach = max(_reach(stream, banks) for stream in streams)
    return 1 + max(reach - 1, 0).bit_length()


def _reach(op: StreamOp, banks: int) -> int:
    """The largest distance of an event's q from its run's first one."""
    source = op.source.type
    pitch, held = source.pitch.data, min(source.block.data, source.dims[0])
    dx, length = from_dense(op.runs)[:, [2, 3]].T.astype(np.int64)
    last = (length - 1) * pitch + held - 1
    if op.by_bank.value.data:
        return int((-(-last // banks)).max())
    return int(((dx * pitch % banks + last) // banks).max())
