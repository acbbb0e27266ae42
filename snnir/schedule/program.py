"""The program as tables: what the machine's memories hold, read off a scheduled `pe.program`.

The C printer, the cycle model and the hardware generator all take their numbers from here, so that
a layer, a tile or a run means the same in each. Terms and formulas: docs/machine.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from snnir.dialects.pe_types import ArrayParameters, Place
from snnir.schedule.moving import BURST_BYTES, Move

if TYPE_CHECKING:
    import numpy as np

RECEIVE, FIRE, READOUT, LOAD, STORE = range(5)
"""Kinds of layers; the last two are moves, see `Layer`."""

CURRENT, PREVIOUS = 1, 2
"""Of a map that the next window needs as well: what this window wrote, or the one before it."""

RUN_FIELDS = (
    "phase_end",  # 1 on the last run of a phase
    "shift",  # bits by which the accumulators are shifted when this run's phase starts
    "dy",
    "dx",
    "length",
    "height",  # bounds of the map as the synapse sees it
    "width",
    "stride_y",
    "stride_x",
    "pointer_base",  # pointer entry of (block, dy, x = 0); + oy * pointer_stride + x
    "pointer_stride",
    "event_base",  # event address of (block, dy)'s row; + oy * event_stride + count
    "event_stride",
    "row_base",  # weight row relative to the tile's first; - ox * row_stride + position
    "row_stride",
    "by_bank",
    "offset",  # position at which the run begins: n if by_bank, else q; + ox * row_stride
    "by_image",  # 1: each image of a batch, or window, has its own copy of the map; 2: PREVIOUS
    "delay",  # steps by which the trains are taken later
)
"""Columns of the run table."""


@dataclass(frozen=True)
class Mode:
    """How a layer's accumulators become trains or potentials: one configuration of the datapath.

    `coding` and `planes` are those of the incoming currents (`planes` = bits of the train word that
    carry steps, right-aligned, at most P); `steps` those of the trains that fire. `rate`: whether
    the layer's own trains are rate-coded (a readout's are those of its currents). `kept`: whether
    neurons may begin with states that they had in the window before.
    """

    neuron: str
    coding: str
    planes: int
    steps: int
    fraction: int
    rate: bool = False
    kept: bool = False

    @property
    def replays(self) -> bool:
        """Whether the plane currents are summed up first and then given to every step."""
        return self.rate and self.coding == "direct"


@dataclass(frozen=True)
class Band:
    """Which rows of the layer `of` a row of the layer table computes.

    Args:
        first, pixels: first row of the pixels before pooling, and rows of all of them.
        row, rows: first row behind it, and rows of the whole result.
    """

    of: str
    first: int
    pixels: int
    row: int
    rows: int


@dataclass(frozen=True)
class Layer:
    """One row of the layer table; names as in docs/machine.md.

    `height`, `width` are the output pixels before pooling, `pool_height`, `pool_width` behind it.
    It starts when the row before has ended, and the first `waits` moves of the program; `alone`
    says why its moves have no places of their own.
    For RECEIVE rows `word_shift` and `word_bits` say which bits of a pixel the map holds, the
    channels are those of the one tile, and `image_row` is the image's first row that is taken.
    LOAD and STORE are moves: no rows of that table but of one of their own, `ProgramTables.moved`;
    they have a `move`, no tile, and start when the row number `before` may, all rows in front of it
    have ended. `of` is the layer to which the row is counted.
    In a batch a row is for one `image`, and for one tile (of the channels from `first_channel`) if
    its weights are shared; with `keeps` these stay for the next image. `by_image`: each image has
    a copy of the map. `kept` are the bits of each state of its neurons that is kept from window to
    window, nothing if each window begins anew.
    """

    label: str
    kind: int
    tile_first: int
    tile_count: int
    channels: int
    height: int
    width: int
    pool_height: int
    pool_width: int
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    place: Place = Place(0, 0, 0)
    pitch: int = 0
    steps: int = 0
    mode: int = 0
    word_shift: int = 0
    word_bits: int = 0
    image: int = 0
    first_channel: int = 0
    keeps: bool = False
    by_image: bool = False
    image_row: int = 0
    of: str = ""
    band: Band | None = None
    move: Move | None = None
    before: int = 0
    waits: int = 0
    alone: str = ""
    kept: tuple[int, ...] = ()

    @property
    def is_pooled(self) -> bool:
        """Whether a window of more than one pixel is pooled."""
        return (self.height, self.width) != (self.pool_height, self.pool_width) or self.kernel != (
            1,
            1,
        )

    def at_second_place(self, stride: tuple[int, int]) -> Layer:
        """The layer with its map so many event and pointer addresses further on."""
        events, pointers = self.place.events + stride[0], self.place.pointers + stride[1]
        return replace(self, place=replace(self.place, events=events, pointers=pointers))

    def visited(self) -> np.ndarray:
        """Boolean (height, width): the pixels that some pooling window needs.

        The machine computes no other; windows may leave a rim or gaps out.
        """
        import numpy as np

        axes = []
        for axis, (extent, pooled) in enumerate(
            ((self.height, self.pool_height), (self.width, self.pool_width))
        ):
            first = np.arange(pooled) * self.strides[axis] - self.pads[axis]
            inside = first[:, None] + np.arange(self.kernel[axis])
            mark = np.zeros(extent, bool)
            mark[inside[(inside >= 0) & (inside < extent)]] = True
            axes.append(mark)
        return axes[0][:, None] & axes[1][None, :]


@dataclass(frozen=True)
class Tile:
    """One row of the tile table: runs, weights, parameters, number of channels, weight rows.

    `number` is its number among the tiles of the program, each counted once.
    """

    run_first: int
    run_count: int
    weights: int
    params: int
    channels: int
    rows: int = 0
    number: int = 0


@dataclass(frozen=True)
class ProgramTables:
    """All tables of a program.

    `runs` int64 (R, len(RUN_FIELDS)); `weights` int8 (banks, rows, channels); `params` one int64
    array of (rows,) per parameter name, 0 where a layer's neuron has no such parameter. `ring` is
    the depth of the weight memories where weights come from DDR, 0 where they hold all rows.
    `stages` are the registers of the neurons' pipelines, 0 where they are just as many as needed.
    `position_bits` are the bits of its position that an event holds, 0 if all; it may be as few as
    `least_position_bits`. Pixels have `image_bits`; with `levels` they become trains that spike in
    each step whose level is below the pixel, and words are parts of these.

    `layers` and `tiles` name each layer and tile once. Where `batch` images are computed together,
    the layers from number `shared` on share weights, and `image_stride` is by how many event and
    pointer addresses the copies of a map lie apart; `unrolled` has the rows as they are executed.

    `moved` are the moves of feature maps, in order. Where events and pointers are kept in two
    memories each, the second ones begin at the addresses `halves`, powers of two, and the first
    ones have `first_half` words.

    A sample is so many `windows`, each of them an image for the machine; 0 stands for any number.
    Maps that the next window needs as well (`by_image` here too) lie at one of two places in turn,
    `window_stride` event and pointer addresses apart.
    """

    name: str
    array: ArrayParameters
    layers: tuple[Layer, ...]
    tiles: tuple[Tile, ...]
    runs: np.ndarray
    weights: np.ndarray
    params: dict[str, np.ndarray]
    modes: tuple[Mode, ...]
    image: tuple[int, int, int]
    image_bits: int
    event_depth: int
    pointer_depth: int
    position_max: int
    potentials: int
    ring: int = 0
    stages: int = 0
    position_bits: int = 0
    least_position_bits: int = 0
    levels: tuple[int, ...] = ()
    batch: int = 1
    shared: int = 0
    image_stride: tuple[int, int] = (0, 0)
    is_unrolled: bool = False
    moved: tuple[Layer, ...] = ()
    halves: tuple[int, int] = (0, 0)
    first_half: tuple[int, int] = (0, 0)
    windows: int = 1
    window_stride: tuple[int, int] = (0, 0)

    @property
    def recurs(self) -> bool:
        """Whether layers see what was fired in the window before."""
        return any(self.window_stride)

    @cached_property
    def unrolled(self) -> ProgramTables:
        """The tables as the machine has them: a row for whatever it does, one behind the other."""
        from snnir.schedule.batch import unroll

        return self if self.batch == 1 or self.is_unrolled else unroll(self)

    @property
    def input_bits(self) -> int:
        """Bits of the words that the image is made of: of its pixels, or of trains."""
        return len(self.levels) or self.image_bits

    @property
    def moves(self) -> bool:
        """Whether feature maps are moved between DDR and the chip."""
        return bool(self.moved)

    @property
    def steps(self) -> Iterator[tuple[list[Layer], Layer]]:
        """The rows of the layer table, each with the moves that may start when it may."""
        for index, layer in enumerate(self.layers):
            yield [move for move in self.moved if move.before == index], layer

    @property
    def uses_ddr(self) -> bool:
        """Whether weights or maps are in DDR."""
        return bool(self.ring) or self.moves

    @property
    def read_ports(self) -> int:
        """AXI ports that share the bandwidth of DDR: those of the weights, and that of the maps."""
        return (self.array.ports if self.ring else 0) + self.moves

    @property
    def parts(self) -> bool:
        """Whether the image is received in parts."""
        return any(layer.kind == RECEIVE and layer.height != self.image[1] for layer in self.layers)

    @property
    def maps_bytes(self) -> int:
        """Bytes of DDR that the feature maps there take."""
        return BURST_BYTES * max((layer.move.end for layer in self.moved), default=0)

    @property
    def weight_depth(self) -> int:
        """Rows of a bank's weight memory."""
        return self.ring or self.weights.shape[1]

    @cached_property
    def run_column(self) -> dict[str, int]:
        """Column index of each run field."""
        return {name: index for index, name in enumerate(RUN_FIELDS)}

    @cached_property
    def shifts(self) -> tuple[int, ...]:
        """The distinct accumulator shifts that phases ask for, without 0."""
        return tuple(sorted({int(s) for s in self.runs[:, 1]} - {0}))
