"""Moves of maps beside the rows that compute: which may, and what has to be apart for that.

A move starts when the rows in front of it have ended, and runs on beside those behind it until one
waits for it. So a load that stands in front of a band brings what the next band reads, and a store
takes away what the band before has made. That takes places for two bands, and memories of two
halves: each can be read by one and written by one at a time, the array or the mover.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import Operation, SSAValue

from snnir.dialects.assembly import int_list
from snnir.dialects.pe import IMAGE_LABEL, ProgramOp, ReceiveOp
from snnir.dialects.pe_layers import LayerOp
from snnir.dialects.pe_moves import LoadOp, MoveOp, StoreOp
from snnir.dialects.pe_types import MapType, Place
from snnir.errors import UserError
from snnir.schedule.places import event_rows, map_size, pointer_row, sources_of


def layer_of(op: LayerOp) -> str:
    """The layer that an op is, or is a band of."""
    return (op.of or op.label).data


def in_order(program: ProgramOp) -> None:
    """Take back what `hoist` has done: each load stands in front of what reads it, and waits."""
    program.halves = None
    waiting: list[ReceiveOp] = []
    for op in list(program.steps):
        if isinstance(op, ReceiveOp):
            op.beside = None
            waiting.append(op)
        elif isinstance(op, LayerOp):
            op.beside = op.alone = None
            loads = dict.fromkeys(v.owner for v in sources_of(op) if isinstance(v.owner, LoadOp))
            for load in loads:
                load.detach()
                program.body.block.insert_op_before(load, waiting[0] if waiting else op)
            waiting = []


class Overlap(NamedTuple):
    """Something that may be chosen.

    Args:
        layer: a layer that loads or stores maps.
        what: `first`, its first load while the layer before is computed; `next`, its other loads
            while the band before is, and its stores while the band behind is.
    """

    layer: str
    what: str


def candidates(program: ProgramOp) -> list[Overlap]:
    """What may be chosen: what is given up first comes first."""
    first, receiving, others = {}, {}, {}
    for op in program.layers:
        sources, layer = sources_of(op), layer_of(op)
        loads = any(isinstance(value.owner, LoadOp) for value in sources)
        stores = any(isinstance(use.operation, StoreOp) for use in op.out.uses)
        if loads:
            first[Overlap(layer, "first")] = None
        if loads or stores:
            receives = any(isinstance(value.owner, ReceiveOp) for value in sources)
            (receiving if receives else others)[Overlap(layer, "next")] = None
    return [*first, *receiving, *others]


def hoist(program: ProgramOp, chosen: set[Overlap]) -> None:
    """Put each load that is chosen in front of the layer op before the one that reads it.

    It stays behind the stores of the rows that it loads.
    """
    before: LayerOp | None = None
    for op in program.layers:
        here = layer_of(op)
        same = before is not None and layer_of(before) == here
        if before is not None and Overlap(here, "next" if same else "first") in chosen:
            for load in [v.owner for v in dict.fromkeys(sources_of(op))]:
                if isinstance(load, LoadOp) and not _stored_behind(load, before):
                    load.detach()
                    program.body.block.insert_op_before(load, before)
        before = op


def _stored_behind(load: LoadOp, first: Operation) -> bool:
    """Whether rows that are loaded are stored between an op and the load."""
    rows = _rows(load)
    op = first
    while op is not load:
        if isinstance(op, StoreOp) and op.buffer is load.buffer:
            other = _rows(op)
            if rows.start < other.stop and other.start < rows.stop:
                return True
        op = op.next_op
    return False


def _rows(op: MoveOp) -> range:
    first = op.row.value.data
    return range(first, first + op.part.dims[1])


def kept_longer(program: ProgramOp, chosen: set[Overlap]) -> dict[SSAValue, int]:
    """Up to which step the results that are stored should keep their places.

    That is the next layer op for layers that are chosen, for the others the last pass over the
    image in front of it.
    """
    steps, found = program.steps, {}
    for index, op in enumerate(steps):
        if not isinstance(op, StoreOp) or not isinstance(op.source.owner, LayerOp):
            continue
        reaches = index
        for number in range(index + 1, len(steps)):
            if isinstance(steps[number], LayerOp):
                if Overlap(layer_of(op.source.owner), "next") in chosen:
                    reaches = number
                break
            if isinstance(steps[number], ReceiveOp):
                reaches = number
        found[op.source] = reaches
    return found


def choose_halves(program: ProgramOp, others: int) -> dict[SSAValue, int]:
    """The half of each map: 0 of what a band reads, 1 of what it makes.

    Args:
        others: of maps that stay on the chip and are read by no layer that loads others.
    """
    found: dict[SSAValue, int] = {}
    for op in program.steps:
        for value in op.results:
            if isinstance(value.type, MapType):
                stored = any(isinstance(use.operation, StoreOp) for use in value.uses)
                found[value] = int(stored) if isinstance(op, LayerOp) else 0
                if isinstance(op, LayerOp) and not stored:
                    found[value] = others
    for op in program.layers:
        sources = sources_of(op)
        if any(isinstance(value.owner, LoadOp) for value in sources):
            found |= dict.fromkeys(sources, 0)
    return found


class _Range(NamedTuple):
    """What a map takes of the events and of the pointers, and in which half it lies."""

    events: range
    pointers: range
    half: int

    def meets(self, other: _Range) -> bool:
        pairs = ((self.events, other.events), (self.pointers, other.pointers))
        return any(a.start < b.stop and b.start < a.stop for a, b in pairs)


class Conflicts:
    """What may not run at the same time, in a program whose maps have places."""

    def __init__(self, program: ProgramOp, places: Mapping[SSAValue, Place]):
        banks = program.array.banks
        starts = int_list(program.halves) if program.halves else None
        self.ranges: dict[SSAValue, _Range] = {}
        for value, place in places.items():
            ends = (map_size(value.type, row) for row in (event_rows(banks), pointer_row))
            events, pointers = (
                range(first, first + size)
                for first, size in zip((place.events, place.pointers), ends, strict=True)
            )
            half = int(starts is not None and place.events >= starts[0])
            self.ranges[value] = _Range(events, pointers, half)

    def why(self, row: LayerOp | ReceiveOp, move: MoveOp) -> str | None:
        """Why a move in front of a row may not run beside it; None if it may."""
        reads = [self.ranges[value] for value in sources_of(row)]
        writes = [self.ranges[v] for v in row.results if isinstance(v.type, MapType)]
        if isinstance(move, LoadOp):
            mine = self.ranges[move.out]
            if move.out in sources_of(row):
                return "it reads what is loaded"
            if any(mine.meets(other) for other in (*reads, *writes)):
                return "it uses the place of what is loaded"
            if any(mine.half == other.half for other in writes):
                return "it writes to the same half"
            return None
        mine = self.ranges[move.source]
        if any(mine.meets(other) for other in writes):
            return "it writes over what is stored"
        if any(mine.half == other.half for other in reads):
            return "it reads from the same half"
        return None


def set_beside(program: ProgramOp, places: Mapping[SSAValue, Place]) -> None:
    """Say of each row beside which moves it may run: the last ones that are in nobody's way."""
    conflicts, moves, waits = Conflicts(program, places), [], 0
    for op in program.steps:
        if isinstance(op, MoveOp):
            moves.append(op)
            continue
        for index, move in enumerate(moves[waits:], waits):
            if conflicts.why(op, move):
                waits = index + 1
        if op is program.steps[-1]:
            waits = len(moves)
        beside = [move.label for move in moves[waits:]]
        op.beside = ArrayAttr(beside) if beside else None


def check_beside(program: ProgramOp, places: Mapping[SSAValue, Place]) -> None:
    """Check that no row is in the way of a move that may run beside it.

    Raises:
        UserError: it is, or a move may still be under way at the end.
    """
    conflicts, moves = Conflicts(program, places), []
    for op in program.steps:
        if isinstance(op, MoveOp):
            moves.append(op)
            continue
        under_way = moves[len(moves) - len(op.beside or ()) :]
        for move in under_way:
            if why := conflicts.why(op, move):
                raise UserError(
                    f"'{move.label.data}' cannot run beside it: {why}",
                    where=op.label.data if op.label else IMAGE_LABEL,
                )
    if program.steps and (isinstance(program.steps[-1], MoveOp) or program.steps[-1].beside):
        raise UserError("the last layer does not wait for all moves of maps")


def check_halves(program: ProgramOp, places: Mapping[SSAValue, Place]) -> None:
    """Check that each map lies within one half.

    Raises:
        UserError: it does not.
    """
    if program.halves is None:
        return
    starts = int_list(program.halves)
    for value, found in Conflicts(program, places).ranges.items():
        for part, at in ((found.events, starts[0]), (found.pointers, starts[1])):
            inside = part.start >= at if found.half else part.stop <= at
            if not inside or part.stop > 2 * at:
                raise UserError(f"{value.type} does not lie within one half of the memories")
