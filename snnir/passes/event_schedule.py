"""event-schedule: every map, weight and parameter of a program gets its address."""

from __future__ import annotations

import sys
from collections.abc import Container
from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from snnir.dialects.assembly import int_list, integer
from snnir.dialects.pe import MAX_BATCH, ProgramOp, ReceiveOp
from snnir.dialects.pe_layers import shared_rows
from snnir.errors import UserError
from snnir.schedule.batch_plan import image_clocks, share, unshare
from snnir.schedule.loading import choose_ring
from snnir.schedule.map_schedule import (
    blocks,
    needed_bram36,
    overlap_moves,
    place_all,
    place_beside,
)
from snnir.schedule.memories import memories
from snnir.schedule.moving import BURST_BYTES, record_of
from snnir.schedule.overlap import (
    candidates,
    in_order,
    layer_of,
)
from snnir.schedule.places import (
    sources_of,
)
from snnir.schedule.positions import least_position_bits
from snnir.schedule.reading import places_of, read_program, row_bits
from snnir.targets import Target, load_target

WEIGHTS = ("auto", "onchip", "stream")


@dataclass(frozen=True)
class EventSchedulePass(ModulePass):
    """Give addresses to the maps, weights and parameters of each `pe.program`.

    Event lists and their pointers are the only memory that an image needs while it is computed.
    Layers run one after another, so a map is needed from the layer that writes it to the last one
    that reads it, and what came before may be overwritten.

    Algorithm: linear scan over the maps in the order in which they are written. Each gets the
    lowest address, in the event memory and separately in the pointer memory, at which it meets no
    map that is needed at the same time (first fit). A layer may write its map over one that it
    reads for the last time: it begins so many words lower that each row is written where rows lie
    that have been consumed by then, as when a residual sum takes the place of what is added, one
    row lower. Such maps are placed as one region. The scan is repeated with few or many maps in
    place, in the order of writing or the largest first, and what needs the least memory is taken.
    Weights and parameters lie one behind the other in the order of the tiles; where weights come
    from DDR, that is their order in the stream, and a ring of D rows keeps a row at its address
    modulo D. The order of layers, tiles, streams and runs is the program's own and stays: streams
    by falling shift, runs from block to block, top to bottom, left to right.

    A batch of images shares weights from DDR: from some layer on each tile is computed for all
    images before the next one is loaded, and the maps that these layers write and read have a copy
    for each image, so many addresses apart. The layers before run image by image, and their
    weights are loaded again for each. As few layers as make the memories fit are left out of the
    sharing. `batch=0` takes the fewest images that come within 5 % of the most images a second, by
    the time that loading takes and an estimate of the time that computing does.

    Maps in DDR are moved while the array computes: a load is put in front of the layer op before
    the one that reads it, and what is stored keeps its place until the next one has run. What bands
    read and what they make then lie in two memories (`halves`), so that each is read and written by
    one at a time, and each row of the program says which moves may run `beside` it. Where that does
    not fit, layers go without, the one that needs the most first; their ops say why (`alone`).

    An event need only tell as many low bits of its position as the longest run of pixels spans,
    which it does where that takes less block RAM; see "Positions" in docs/machine.md.

    Assumptions: a layer writes its map row after row, and a row not before the events of the rows
    before it have been consumed.

    Options:
        reuse: whether a map may take the place of one that is no longer needed.
        target: target whose block RAM the memories must fit; `none` asks nothing.
        weights: `onchip` or `stream` change what the program says, `auto` lets weights come from
            DDR where that makes the memories fit.
        position_bits: bits of its position that an event holds; 0 chooses.
        batch: images that share the weights that come from DDR, 1 to 8; 0 chooses.
        overlap: whether maps are moved beside the layers that compute, as far as memory allows.
        shared_from: label of the first layer that shares weights; the first from which the memories
            fit if none is given.

    Source: Poletto and Sarkar, Linear scan register allocation, TOPLAS 1999.
    """

    name = "event-schedule"

    reuse: bool = True
    target: str = "pynq-z2"
    weights: str = "auto"
    position_bits: int = 0
    batch: int = 1
    shared_from: str = ""
    overlap: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.batch <= MAX_BATCH:
            raise UserError(f"batch={self.batch} is impossible, use 1 to {MAX_BATCH}, or 0")
        if self.shared_from and self.batch == 1:
            raise UserError("shared-from has no effect on one image", hint="give a batch")
        if self.weights not in WEIGHTS:
            raise UserError(f"weights={self.weights} is impossible, use {', '.join(WEIGHTS)}")

    def apply(self, ctx: Context, module: ModuleOp) -> None:
        target = None if self.target == "none" else load_target(self.target)
        programs = [op for op in module.walk() if isinstance(op, ProgramOp)]
        if not programs:
            raise UserError("no pe.program to schedule", hint="run tile-to-pe first")
        for op in programs:
            unshare(op)
            in_order(op)
            if self.weights == "onchip":
                op.ring = None
            schedule(op, self.reuse, self.position_bits)
            if self.weights == "stream":
                _stream(op, target)
            if target is not None and self.weights == "auto" and needed_bram36(op) > target.bram36:
                _stream(op, target)
            if self.overlap:
                overlap_moves(op, self.reuse, target.bram36 if target else sys.maxsize)
            if self.batch != 1:
                self._share(op, target)
            if target is not None:
                _check_fit(op, target.name, target.bram36)

    def _share(self, op: ProgramOp, target: Target | None) -> None:
        """Let a batch of images share weights, from the first layer from which the maps fit."""
        obstacle = None
        if op.windows is not None:
            obstacle = "needs images that do not go on in one another", "windows=1"
        elif op.ring is None:
            obstacle = "shares weights from DDR, and these are kept on the chip", "weights=stream"
        elif op.buffers:
            obstacle = "needs all feature maps on the chip, some are in DDR", "maps=onchip"
        if obstacle is not None:
            if self.batch == 0:
                return
            what, instead = obstacle
            raise UserError(
                f"batch={self.batch} {what}",
                where=f"pe.program @{op.sym_name.data}",
                hint=f"use {instead}, or batch=1",
            )
        room = target.bram36 if target else sys.maxsize
        if self.batch:
            self._split(op, self.batch, room)
            return
        found = {1: image_clocks(op, target)}
        for images in range(2, MAX_BATCH + 1):
            if self._split(op, images, room):
                found[images] = image_clocks(op, target)
        fastest = min(found.values())
        best = next(n for n, clocks in sorted(found.items()) if clocks <= 1.05 * fastest)
        if best > 1:
            self._split(op, best, room)
        else:
            unshare(op)
            schedule(op, self.reuse)
            _narrow(op, self.position_bits)

    def _split(self, op: ProgramOp, images: int, room: float) -> bool:
        """Share from the first layer that lets the memories fit, or else from the readout on."""
        labels = [layer.label.data for layer in op.layers]
        candidates = range(len(labels))
        if self.shared_from:
            if self.shared_from not in labels:
                raise UserError(
                    f"no layer '{self.shared_from}'",
                    where=f"pe.program @{op.sym_name.data}",
                    hint=f"shared-from takes one of {', '.join(labels)}",
                )
            candidates = [labels.index(self.shared_from)]
        for first in candidates:
            share(op, images, first)
            schedule(op, self.reuse)
            _narrow(op, self.position_bits)
            if needed_bram36(op) <= room:
                return True
        return False


def schedule(program: ProgramOp, reuse: bool = True, position_bits: int = 0) -> None:
    """Sets all places and addresses of a program."""
    place_all(program, reuse)
    _place_weights(program)
    _place_buffers(program)
    _narrow(program, position_bits)
    _place_buffers(program)


def _place_weights(program: ProgramOp) -> None:
    """Weights and parameters one behind the other; equal ones are kept on the chip once."""
    weights = params = 0
    rows: dict[object, int] = {}
    channels: dict[object, int] = {}
    for layer in program.layers:
        for tile in layer.tiles:
            key = shared_rows(tile)
            # Rows that come from DDR come again for each tile.
            if program.ring or key not in rows:
                rows[key], weights = weights, weights + tile.rows
            if tile.params not in channels:
                channels[tile.params], params = params, params + int_list(tile.channels)[1]
            tile.weights_at = integer(rows[key])
            tile.params_at = integer(channels[tile.params])


def _place_buffers(program: ProgramOp) -> None:
    """The maps in DDR one behind the other, each of whole bursts."""
    if not program.buffers:
        return
    bits, at = row_bits(program, places_of(program).values()), 0
    for op in program.buffers:
        kind = op.buffer.type.map
        size = record_of(kind, program.array.data, *bits).bursts * BURST_BYTES
        op.at, op.row_bytes = integer(at), integer(size)
        at += size * kind.blocks * kind.dims[1]


def _narrow(op: ProgramOp, asked: int) -> None:
    """Set the bits of its position that an event holds: what was asked for, or saves memory."""
    needed = least_position_bits(op)
    if asked and asked < needed:
        raise UserError(f"position-bits={asked} is too few, runs need {needed}")
    op.position_bits = None
    bits = asked or needed
    tables = read_program(op, weights=False)
    narrow = replace(tables, position_bits=bits)
    if bits < tables.position_max.bit_length() and (asked or blocks(narrow) < blocks(tables)):
        op.position_bits = integer(bits)


def _stream(op: ProgramOp, target: Target | None) -> None:
    """Let the weights come from DDR, through the ring that there is or a new one."""
    if op.ring is None:
        largest = max(tile.rows for layer in op.layers for tile in layer.tiles)
        room = target.bram36 if target else sys.maxsize
        op.ring = integer(choose_ring(op.array.data, largest, room))
        _place_weights(op)


def overflow(
    program: ProgramOp, bram36: int, overlap: bool = False, alone: Container[str] = ()
) -> float:
    """By how much the memories of a program without addresses exceed some block RAM.

    Weights may come from DDR, as in the pass. The program stays as it is.

    Args:
        overlap: whether maps move beside layers, but for those of layers that are `alone`.
    """
    copy = program.clone()
    schedule(copy)
    if overlap and copy.buffers:
        moved = [one for one in candidates(copy) if one.what == "next" and one.layer not in alone]
        receiving = {
            layer_of(op)
            for op in copy.layers
            if any(isinstance(v.owner, ReceiveOp) for v in sources_of(op))
        }
        place_beside(copy, True, [one for one in moved if one.layer not in receiving])
    needed = needed_bram36(copy)
    if (over := needed - bram36) > 0:
        most = max(tile.rows for layer in copy.layers for tile in layer.tiles)
        copy.ring = copy.ring or integer(choose_ring(copy.array.data, most, bram36))
        _place_weights(copy)
        over = min(over, needed_bram36(copy) - bram36)
    return over


def needed_beside_maps(program: ProgramOp) -> float:
    """Block RAM of all but the events and their pointers, of a program without addresses."""
    copy = program.clone()
    schedule(copy)
    found = memories(read_program(copy))
    return sum(
        memory.bram36 for memory in found if not memory.name.startswith(("events", "pointers"))
    )


def _check_fit(op: ProgramOp, target: str, available: int) -> None:
    found = memories(read_program(op, weights=False))
    needed = sum(memory.bram36 for memory in found)
    if needed > available:
        largest = max(found, key=lambda memory: memory.bram36)
        raise UserError(
            f"the memories need {needed:g} BRAM36, {target} has {available}: "
            f"{needed - available:g} too many, {largest.bram36:g} of them for {largest.name}",
            hint="use fewer weight bits, fewer banks, a smaller network or a larger target",
        )
