"""Places for all maps of a program; those in DDR move beside layers as far as memory allows."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, StringAttr
from xdsl.ir import SSAValue

from snnir.dialects.assembly import ints
from snnir.dialects.pe import ProgramOp, ReceiveOp
from snnir.dialects.pe_layers import LayerOp
from snnir.dialects.pe_moves import LoadOp
from snnir.dialects.pe_types import MapType, Place, PlaceAttr
from snnir.schedule.batch_plan import place_batch
from snnir.schedule.memories import memories
from snnir.schedule.overlap import (
    Overlap,
    candidates,
    choose_halves,
    hoist,
    in_order,
    kept_longer,
    layer_of,
    set_beside,
)
from snnir.schedule.places import (
    RowSize,
    event_rows,
    kept_maps,
    map_size,
    place_maps,
    pointer_row,
    sources_of,
)
from snnir.schedule.program import ProgramTables
from snnir.schedule.reading import places_of, read_program

Addresses = dict[SSAValue, int]


def place_all(program: ProgramOp, reuse: bool) -> None:
    banks = program.array.banks
    if program.previous:
        placed = [_place_windows(program, row, reuse) for row in _rows(program)]
        program.window_stride = ints([stride for _, stride in placed])
        _set_places(program, *(places for places, _ in placed))
        return
    events, event_stride = place_batch(program, event_rows(banks), reuse)
    pointers, pointer_stride = place_batch(program, pointer_row, reuse)
    program.image_stride = ints([event_stride, pointer_stride]) if program.batch else None
    _set_places(program, events, pointers)


def _place_windows(program: ProgramOp, row: RowSize, reuse: bool) -> tuple[Addresses, int]:
    """Addresses, and by how much the two places of maps lie apart that the next window needs.

    These lie behind all others, one after another, and once more behind themselves.
    """
    kept = kept_maps(program)
    places = place_maps(program, row, reuse, lambda value: value not in kept)
    first = end = max((at + map_size(v.type, row) for v, at in places.items()), default=0)
    for value in kept:
        places[value], end = end, end + map_size(value.type, row)
    return places, end - first


def _set_places(program: ProgramOp, events: Addresses, pointers: Addresses) -> None:
    banks = program.array.banks
    places = {
        value: PlaceAttr(Place(address, value.type.capacity(banks), pointers[value]))
        for value, address in events.items()
    }
    for op in program.steps:
        if isinstance(op, ReceiveOp):
            op.places = ArrayAttr([places[word] for word in op.words])
        elif isinstance(op, LayerOp | LoadOp):
            op.place = places.get(op.out)


def overlap_moves(program: ProgramOp, reuse: bool, room: float) -> None:
    """Let maps move beside layers as far as the memories fit some block RAM."""
    if not program.buffers:
        return
    chosen = candidates(program)
    dropped: dict[Overlap, float] = {}
    while (needed := place_beside(program, reuse, chosen)) > room and chosen:
        alike = [one for one in chosen if one.what == chosen[0].what]
        largest = max(alike, key=lambda one: _largest_band(program, one.layer))
        dropped[largest] = needed - room
        chosen.remove(largest)
    for one in reversed(list(dropped)[:-1]):
        if place_beside(program, reuse, [*chosen, one]) <= room:
            chosen.append(one)
            del dropped[one]
    if place_beside(program, reuse, chosen) > room:
        # Not even what is stored while the image is received has a place of its own.
        place_all(program, reuse)
        set_beside(program, places_of(program))
    for op in program.layers:
        if over := dropped.get(Overlap(layer_of(op), "next")):
            op.alone = StringAttr(f"maps that move beside it take {over:g} BRAM36 too many")


def place_beside(program: ProgramOp, reuse: bool, chosen: list[Overlap]) -> float:
    """Let maps move beside layers as it is chosen; the block RAM that is needed then."""
    in_order(program)
    hoist(program, set(chosen))
    longer = kept_longer(program, set(chosen))
    if chosen:
        halves = [choose_halves(program, others) for others in (0, 1)]
        if halves[0] == halves[1]:
            del halves[1]
        attempts = [_place_halves(program, reuse, longer, half) for half in halves]
        best = min(attempts, key=lambda attempt: attempt[0])
        program.halves = best[1]
        _set_places(program, *best[2:])
        set_beside(program, places_of(program))
    if not any(getattr(op, "beside", None) for op in program.steps):
        # Nothing is won by halves; in one memory maps are stored while the image is received.
        in_order(program)
        longer = kept_longer(program, set())
        places = (place_maps(program, row, reuse, longer=longer) for row in _rows(program))
        _set_places(program, *places)
        set_beside(program, places_of(program))
    return needed_bram36(program)


def _rows(program: ProgramOp) -> tuple[RowSize, RowSize]:
    return event_rows(program.array.banks), pointer_row


def _place_halves(
    program: ProgramOp, reuse: bool, longer: dict[SSAValue, int], half: dict[SSAValue, int]
) -> tuple[int, DenseArrayBase, Addresses, Addresses]:
    """Words that all maps take, where the second halves begin, and the maps' addresses."""
    found, starts, words = [], [], 0
    for row in _rows(program):
        parts, ends = [], []
        for part in (0, 1):
            placed = place_maps(program, row, reuse, lambda v, p=part: half[v] == p, longer)
            parts.append(placed)
            ends.append(max((at + map_size(v.type, row) for v, at in placed.items()), default=1))
        starts.append(1 << (max(ends) - 1).bit_length())
        words += sum(ends)
        found.append(parts[0] | {value: at + starts[-1] for value, at in parts[1].items()})
    return words, ints(starts), *found


def _largest_band(program: ProgramOp, layer: str) -> int:
    """Words of the maps of a layer's largest band."""
    most = 0
    for op in (op for op in program.layers if layer_of(op) == layer):
        maps = [value for value in (*sources_of(op), op.out) if isinstance(value.type, MapType)]
        sizes = (map_size(v.type, row) for v in dict.fromkeys(maps) for row in _rows(program))
        most = max(most, sum(sizes))
    return most


def needed_bram36(op: ProgramOp) -> float:
    return blocks(read_program(op, weights=False))


def blocks(tables: ProgramTables) -> float:
    return sum(memory.bram36 for memory in memories(tables))
