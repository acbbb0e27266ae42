"""verify-pe-schedule: the contract between event-schedule and the back ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.traits import SymbolTable

from snnir.analysis.intervals import signed_bits
from snnir.analysis.ranges import neuron_ranges
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import ProgramOp, ReceiveOp
from snnir.dialects.pe_layers import LayerOp, StreamOp, TileOp, shared_rows
from snnir.dialects.pe_moves import LoadOp
from snnir.dialects.pe_types import MapType
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.schedule.buffers import check_buffers
from snnir.schedule.overlap import check_beside, check_halves
from snnir.schedule.places import (
    RowSize,
    event_rows,
    in_place,
    kept_maps,
    lifetimes,
    map_size,
    pointer_row,
)
from snnir.schedule.positions import least_position_bits
from snnir.schedule.reading import maps_by_image, places_of
from snnir.schedule.walks import accumulator_range, check_moves, current_ranges, stream_taps


@dataclass(frozen=True)
class VerifyPeSchedulePass(ModulePass):
    """Check that a scheduled program does what the machine relies on, and change nothing.

    The back ends trust addresses and tables blindly: what overlaps or overflows there shows as
    wrong spikes and nothing else. So what can be proven from the program is proven here.

    What is checked: every map, tile and parameter has an address; maps that are needed at the same
    time, weights of different tiles, and parameters of different tiles do not overlap, but for a
    map that is written over one that its layer is done with row by row; the maps that a batch keeps
    for each of its images meet no others; weights from DDR are in the order of the tiles, and the
    ring takes the largest; the places' row capacity is that of their map; maps in DDR do not
    overlap, their rows take as much as they need, and none is loaded before it was stored; events
    hold as much of their positions as the longest run needs; each run's weight rows exist, and stay
    the right ones while the window moves along x; states that are kept from window to window have
    as many bits as they need, and maps of which the window before is needed two places of their
    own; each word of the image is walked by the same
    runs, with the shift of its bits; no map has more steps than the array has planes; accumulators
    and membrane potentials stay within their widths for every input.

    Assumptions: the program verifies.

    Options: none.
    """

    name = "verify-pe-schedule"

    def apply(self, ctx: Context, module: ModuleOp) -> None:
        programs = [op for op in module.walk() if isinstance(op, ProgramOp)]
        if not programs:
            raise UserError("no pe.program to verify", hint="run tile-to-pe first")
        for op in programs:
            _check_addresses(op)
            _check_places(op)
            _check_windows(op)
            _check_positions(op)
            check_buffers(op)
            check_halves(op, places_of(op))
            check_beside(op, places_of(op))
            for layer in op.layers:
                _check_layer(layer)


def _check_addresses(op: ProgramOp) -> None:
    missing = any(step.places is None for step in op.steps if isinstance(step, ReceiveOp))
    missing |= any(step.place is None for step in op.steps if isinstance(step, LoadOp))
    missing |= any(buffer.at is None or buffer.row_bytes is None for buffer in op.buffers)
    for layer in op.layers:
        missing |= isinstance(layer.out.type, MapType) and layer.place is None
        missing |= any(t.weights_at is None or t.params_at is None for t in layer.tiles)
    if missing:
        raise UserError("the program has no addresses yet", hint="run event-schedule first")
    tiles = [tile for layer in op.layers for tile in layer.tiles]
    _check_ring(op)
    _check_apart("weights", ((t.weights_at.value.data, t.rows, shared_rows(t)) for t in tiles))
    _check_apart(
        "parameters", ((t.params_at.value.data, int_list(t.channels)[1], t.params) for t in tiles)
    )


def _check_ring(op: ProgramOp) -> None:
    """Whether the tiles follow one another as a stream of weights, and the ring takes each."""
    if op.ring is None:
        return
    depth, end = op.ring.value.data, 0
    for tile in (tile for layer in op.layers for tile in layer.tiles):
        if tile.weights_at.value.data != end:
            raise UserError(
                f"a tile's weights begin at row {tile.weights_at.value.data} of the "
                f"stream, the tile before ends at {end}"
            )
        if tile.rows > depth:
            raise UserError(f"a tile has {tile.rows} weight rows, the ring {depth}")
        end += tile.rows


def _check_apart(what: str, regions: Iterable[tuple[int, int, object]]) -> None:
    """Whether regions (first, size, contents) do not overlap, but for those that are the same."""
    end = 0
    for first, size in sorted((first, size) for first, size, _ in set(regions)):
        if first < end:
            raise UserError(f"two tiles keep {what} at row {first}")
        end = first + size


def _check_positions(op: ProgramOp) -> None:
    """Whether events hold enough of their positions for every run."""
    if op.position_bits is not None:
        held, needed = op.position_bits.value.data, least_position_bits(op)
        if held < needed:
            raise UserError(f"events hold {held} bits of their positions, runs need {needed}")


def _check_places(op: ProgramOp) -> None:
    places = places_of(op)
    lives = lifetimes(op)
    banks, planes = op.array.banks, op.array.planes
    for life in lives:
        kind, place = life.value.type, places[life.value]
        if place.capacity != kind.capacity(banks):
            raise UserError(
                f"a row of {kind} has up to {kind.capacity(banks)} events in a bank, "
                f"its place has {place.capacity}"
            )
        if min(place.events, place.pointers) < 0:
            raise UserError(f"the place of {kind} has a negative address")
        if kind.steps.data > planes:
            raise UserError(f"{kind} has more steps than the array's {planes} planes")
    for what, row in (("events", event_rows(banks)), ("pointers", pointer_row)):
        starts = {value: getattr(place, what) for value, place in places.items()}
        _check_maps_apart(op, what, row, starts)
        _check_copies_apart(op, what, row, starts)


def _check_maps_apart(op: ProgramOp, what: str, row: RowSize, starts: dict[object, int]) -> None:
    """Whether maps that are needed at the same time do not overlap, but for those in place."""
    lives, above = lifetimes(op), in_place(op, row)
    for index, one in enumerate(lives):
        gaps = dict(above.get(one.value, ()))
        for other in (life for life in lives[:index] if life.meets(one)):
            here, there = starts[one.value], starts[other.value]
            kinds = one.value.type, other.value.type
            ends = here + map_size(kinds[0], row), there + map_size(kinds[1], row)
            if other.value in gaps and here + gaps[other.value] <= there:
                continue
            if here < ends[1] and there < ends[0]:
                raise UserError(
                    f"{kinds[0]} and {kinds[1]} are needed at the same time, "
                    f"but their {what} overlap at address {max(here, there)}"
                )


def _check_copies_apart(op: ProgramOp, what: str, row: RowSize, starts: dict) -> None:
    """Whether what a batch keeps for one image meets nothing that is needed for another.

    In front of the shared layers images run one after another, while the maps of earlier ones wait;
    shared layers run for all images at once.
    """
    own = maps_by_image(op)
    if not own:
        return
    if op.image_stride is None:
        raise UserError("the batch has no addresses yet", hint="run event-schedule first")
    stride = int_list(op.image_stride)[what == "pointers"]
    written = {layer.out for layer in op.layers if layer.is_shared}
    kept = own - written
    lives = lifetimes(op)
    for one in lives:
        for other in lives:
            values = {one.value, other.value}
            together = values <= own and one.meets(other)
            waits = bool(values & kept) and not values & written
            if not (together or waits):
                continue
            # How many images further on the other one may be: no copies, no distance.
            low = 0 if one.value not in own else 1 - op.images
            high = 0 if other.value not in own else op.images - 1
            here, there = starts[one.value], starts[other.value]
            sizes = map_size(one.value.type, row), map_size(other.value.type, row)
            for apart in range(low, high + 1):
                at = there + apart * stride
                if (apart or not values <= own) and here < at + sizes[1] and at < here + sizes[0]:
                    raise UserError(
                        f"{what} of {one.value.type} and {other.value.type} overlap in different "
                        "images of the batch"
                    )


def _check_windows(op: ProgramOp) -> None:
    """Whether maps that the next window needs have two places that meet nothing else."""
    if not op.previous:
        return
    if op.window_stride is None:
        raise UserError("the next window has no addresses yet", hint="run event-schedule first")
    places, kept, banks = places_of(op), kept_maps(op), op.array.banks
    sizes = (("events", event_rows(banks)), ("pointers", pointer_row))
    for (what, row), stride in zip(sizes, int_list(op.window_stride), strict=True):
        regions = []
        for value, place in places.items():
            first = getattr(place, what)
            for at in (first, first + stride) if value in kept else (first,):
                regions.append((at, at + map_size(value.type, row), value in kept))
        for index, (low, high, _) in enumerate(regions):
            for other in regions[:index]:
                if (regions[index][2] or other[2]) and low < other[1] and other[0] < high:
                    raise UserError(
                        f"{what} that the next window needs are written over at address "
                        f"{max(low, other[0])}"
                    )


def _check_layer(op: LayerOp) -> None:
    label, program = op.label.data, op.program
    definition = SymbolTable.lookup_symbol(program, op.neuron)
    try:
        if not isinstance(definition, NeuronOp):
            raise UserError(f"neuron @{op.neuron.string_value()} is not defined")
        for tile in op.tiles:
            _check_tile(op, tile, definition)
    except UserError as error:
        raise UserError(error.what, where=label, hint=error.hint) from None


def _check_tile(layer: LayerOp, tile: TileOp, neuron: NeuronOp) -> None:
    array = layer.program.array
    for stream in tile.streams:
        check_moves(stream, array.banks, int_list(layer.pixels)[1])
    taps = [stream_taps(stream, array.banks) for stream in tile.streams]
    maps = [(stream.source, stream.delay.value.data) for stream in tile.streams]
    needed = signed_bits(*accumulator_range(taps, maps))
    if needed > array.acc_bits:
        raise UserError(f"accumulators need {needed} bits, the array has {array.acc_bits}")
    params = {name: from_dense(dense) for name, dense in tile.params.data.items()}
    if set(params) != set(neuron.param_names):
        wanted = ", ".join(neuron.param_names)
        raise UserError(f"the neuron takes {wanted}, the tile gives {', '.join(params)}")
    count = int_list(tile.channels)[1]
    low, high = (side[:count] for side in current_ranges(taps, maps))
    sources = [value.type for value, _ in maps]
    ends = sources[0] if layer.is_readout else layer.out.type
    windows = layer.program.windows
    ranges = neuron_ranges(
        neuron,
        params,
        (low, high),
        coding=sources[0].coding.data,
        steps_in=max(source.steps.data for source in sources),
        steps_out=layer.steps.value.data,
        fraction=layer.fraction.value.data,
        rate=ends.coding.data == "rate",
        windows=windows.value.data if layer.kept else 1,
    )
    if ranges.bits > array.membrane_bits:
        what = f"membranes need {ranges.bits} bits, the array has {array.membrane_bits}"
        raise UserError(what)
    if layer.kept is not None:
        kept, needed = int_list(layer.kept), ranges.state_bits
        if len(kept) != len(needed) or any(k < n for k, n in zip(kept, needed, strict=True)):
            raise UserError(f"states of {list(kept)} bits are kept, {list(needed)} are needed")
    _check_words(layer, tile.streams)


def _check_words(layer: LayerOp, streams: list[StreamOp]) -> None:
    """Whether all words of the image are walked alike."""
    for receive in {s.source.owner for s in streams if isinstance(s.source.owner, ReceiveOp)}:
        _check_words_of(receive, streams)


def _check_words_of(receive: ReceiveOp, streams: list[StreamOp]) -> None:
    shift, walks = receive.bits.value.data, []
    for word in receive.words:
        shift -= word.type.steps.data
        # A stream of zero weights only gives the last phase its shift; one word is enough for it.
        mine = [op for op in streams if op.source is word and from_dense(op.weights).any()]
        walks.append(sorted(_walk(op, shift) for op in mine))
    if any(walk != walks[0] for walk in walks):
        raise UserError("the words of the image are not walked by the same runs and weights")


def _walk(op: StreamOp, word_shift: int) -> tuple:
    """What must be equal for all words; bytes compare without touching an element."""
    runs = np.ascontiguousarray(from_dense(op.runs)).tobytes()
    weights = np.ascontiguousarray(from_dense(op.weights)).tobytes()
    return op.shift.value.data - word_shift, op.delay.value.data, runs, weights
