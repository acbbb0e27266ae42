"""The walker: tile, pooled pixel, window pixel and run, one run per clock and no gap between."""

from __future__ import annotations

from dataclasses import dataclass

from snnir.hardware.columns import bits_of
from snnir.hardware.language.builder import Module, Register, Signal, cat, mux
from snnir.hardware.memories import address_width
from snnir.hardware.products import fit
from snnir.hardware.tables import HardwareTables


def advance(
    register: Register, move: Signal, load: Signal, start: Signal, step: Signal, next: Signal
) -> None:
    """Drive a register that moves to its start or else, with a step, to its next value.

    `move` is outermost, so that it becomes the register's clock enable and what decides where to
    move depends on registers only.
    """
    register.next = mux(move, mux(load, start, mux(step, next, register)), register)


@dataclass
class Axis:
    """One axis of the output: a pixel in a pooling window, and the windows one after another.

    Window i + 1 is kept ready while window i is walked, clipped to the map, so that the next pixel
    is known within a clock wherever a window ends. What decides about the next step, `last_pixel`
    and `last_window`, is a register of its own: a comparison in front of it would come too late.
    `pixel_ahead` and `window_ahead` are what a move makes of these two.
    """

    m: Module
    name: str
    tables: HardwareTables
    desc: dict[str, Signal]

    def __post_init__(self) -> None:
        layers, m, name = self.tables.layers, self.m, self.name
        self.width = bits_of(0, layers.high(f"{name}_end"))
        self.base_width = bits_of(
            min(-1, layers.low(f"{name}_base2")),
            layers.high(f"{name}_end")
            + max(layers.high(f"{name}_reach"), 2 * layers.high(f"{name}_stride")),
        )
        self.pixel = m.reg(name, self.width)
        self.low, self.high = m.reg(f"{name}_low", self.width), m.reg(f"{name}_high", self.width)
        self.low_next = m.reg(f"{name}_low_next", self.width)
        self.high_next = m.reg(f"{name}_high_next", self.width)
        self.base = m.reg(f"{name}_base", self.base_width)
        self.left = m.reg(f"{name}_left", layers.width(f"{name}_last"))
        self.first_pixel = m.reg(f"{name}_first_pixel", 1)
        self.last_pixel = m.reg(f"{name}_last_pixel", 1)
        self.last_window = m.reg(f"{name}_last_window", 1)

    def start(self, key: str, width: int) -> Signal:
        """A column of the layer table in the width of the register that it loads."""
        key = f"{self.name}_{key}"
        return self.tables.layers.resize(key, self.desc[key], width)

    def drive(
        self, move: Signal, load: Signal, pixel: Signal, window: Signal, rewind: Signal
    ) -> None:
        """Next state.

        Args:
            move: there is a next state; without it, nothing changes.
            load: take window 0 (start of the layer, or the axis starts again).
            pixel: go to the next pixel of the window.
            window: go to the next window.
            rewind: go back to the first pixel of the window.
        """
        m, base = self.m, self.base
        zero = m.const(0, self.width)
        moved = [
            (self.low, zero, self.low_next),
            (self.high, self.start("high0", self.width), self.high_next),
            (self.low_next, self.start("low1", self.width), self._clip_low()),
            (self.high_next, self.start("high1", self.width), self._clip_high()),
            (base, self.start("base2", base.width), base + self.start("stride", base.width)),
            (self.left, self.start("last", self.left.width), self.left - 1),
        ]
        for register, first, following in moved:
            advance(register, move, load, first, window, following)

        def choose(loaded, windowed, rewound, stepped, kept: Signal) -> Signal:
            chosen = mux(rewind, rewound, mux(pixel, stepped, kept))
            return mux(load, loaded, mux(window, windowed, chosen))

        def follow(register: Register, *choices: Signal | int) -> None:
            register.next = mux(move, choose(*choices, register), register)

        # What is left of the window needs the few bits of a kernel's extent.
        few = bits_of(0, self.tables.layers.high(f"{self.name}_reach"))
        ahead = m.reg(f"{self.name}_ahead", few)
        follow(
            ahead,
            self.start("high0", few),
            fit(self.high_next - self.low_next, few),
            fit(self.high - self.low, few),
            ahead - 1,
        )
        follow(self.pixel, zero, self.low_next, self.low, self.pixel + 1)
        follow(self.first_pixel, m.const(1, 1), 1, 1, 0)
        # A window of one pixel.
        one, one_next = m.reg(f"{self.name}_one", 1), self.low_next.eq(self.high_next)
        advance(one, move, load, self.start("one_pixel", 1), window, one_next)
        self.pixel_ahead = m.wire(
            f"{self.name}_pixel_ahead",
            choose(self.start("one_pixel", 1), one_next, one, ahead.eq(1), self.last_pixel),
        )
        self.last_pixel.next = mux(move, self.pixel_ahead, self.last_pixel)
        following = mux(window, self.left.eq(1), self.last_window)
        self.window_ahead = m.wire(
            f"{self.name}_window_ahead", mux(load, self.start("one_window", 1), following)
        )
        self.last_window.next = mux(move, self.window_ahead, self.last_window)

    def _clip_low(self) -> Signal:
        return mux(self.base.msb, 0, self.base.trunc(self.width))

    def _clip_high(self) -> Signal:
        end = self.start("end", self.base_width)
        last = self.base + self.start("reach", self.base_width)
        return mux(last.sgt(end), end, last).trunc(self.width)


def walker_columns(tables: HardwareTables) -> list[str]:
    """The columns of the layer table that the walker starts from."""
    return [key for key in tables.layers.ranges if key.startswith(("y_", "x_", "tile"))]


def walker_module(tables: HardwareTables) -> Module:
    """The order in which a layer is computed, as one run per clock.

    Ports: the columns of the layer table, `ready` (they are valid; pulses once per layer), `go`
    (the resolver takes a run); `run` (address in the run table), `valid`, `y`, `x`, the tile's
    `weights`, `params`, `drain`, `idle`, and flags: `last_run` of the pixel, `window_first`,
    `window_last`, `row_last` (last pooled pixel of a row), `tile_last`, `layer_last`.

    The tile after the next is always at the output of the tile table, so a tile of one run costs
    one clock.
    """
    m = Module("walker", doc="tile, pooled pixel, window pixel and run, one run per clock")
    m.clock()
    m.input("rst", 1)
    layers, tiles = tables.layers, tables.tiles
    desc = layers.inputs(m, walker_columns(tables))
    ready, go = m.input("ready", 1), m.input("go", 1)

    index_bits = address_width(tiles.depth)
    tile_index = m.reg("tile_index", index_bits)

    load = m.pipe("load", ready, reset=0)
    running = m.reg("running", 1, reset=0)
    run_bits = address_width(tables.runs.depth)
    run = m.reg("run", run_bits)
    runs_left = m.reg("runs_left", tiles.width("run_last"))
    tiles_left = m.reg("tiles_left", layers.width("tiles_last"))

    y, x = Axis(m, "y", tables, desc), Axis(m, "x", tables, desc)
    # What a step would end is known without `go` and `running`, which decide whether there is one.
    move = m.wire("move", load | (running & go))
    last_run, last_tile = m.reg("is_last_run", 1), m.reg("is_last_tile", 1)
    # What ends together with the run is a register for each loop, computed a move ahead: an AND
    # of the loops' flags would come in front of everything that a step decides.
    loops = ("row", "window", "pooled_row", "tile", "layer")
    ends = {loop: m.reg(f"ends_{loop}", 1) for loop in loops}
    row_end, window_end, pooled_row_end, tile_end, layer_end = ends.values()
    new_tile = m.wire("new_tile", load | tile_end)

    x.drive(
        move,
        load=load | pooled_row_end,
        pixel=last_run & ~x.last_pixel,
        window=window_end,
        rewind=row_end,
    )
    y.drive(
        move,
        load=new_tile,
        pixel=row_end & ~y.last_pixel,
        window=pooled_row_end,
        rewind=window_end,
    )
    running.next = load | (running & ~(go & layer_end))
    advance(tiles_left, move, load, desc["tiles_last"], tile_end, tiles_left - 1)
    tile_ahead = mux(load, desc["tiles_one"], mux(tile_end, tiles_left.eq(1), last_tile))
    last_tile.next = mux(move, tile_ahead, last_tile)

    following = mux(new_tile, tile_index + 1, tile_index)
    shown = mux(ready, layers.resize("tile_first", desc["tile_first"], index_bits), following)
    look = m.wire("look", ready | move)
    tile_index.next = mux(look, shown, tile_index)
    ahead = tiles.fields(m, tiles.lookup(m, "tiles", m.wire("next_tile", shown), look))
    tile = {
        key: field
        if field.constant is not None
        else m.reg(f"tile_{key}", field.width, next=field, enable=move & new_tile)
        for key, field in ahead.items()
    }
    first = mux(new_tile, ahead["run_first"], tile["run_first"])
    first = tiles.resize("run_first", first, run_bits)
    runs = mux(new_tile, ahead["run_last"], tile["run_last"])
    restart, always = load | last_run, m.const(1, 1)
    advance(run, move, restart, first, always, run + 1)
    advance(runs_left, move, restart, runs, always, runs_left - 1)
    only = mux(new_tile, ahead["run_one"], tile["run_one"])
    run_ahead = m.wire("run_ahead", mux(restart, only, runs_left.eq(1)))
    last_run.next = mux(move, run_ahead, last_run)

    flags = [run_ahead]
    of_loops = (x.pixel_ahead, y.pixel_ahead, x.window_ahead, y.window_ahead, tile_ahead)
    for end, flag in zip(ends.values(), of_loops, strict=True):
        flags.append(flag)
        end.next = mux(move, cat(*flags).all(), end)

    m.output("run", run)
    m.output("valid", running)
    m.output("y", y.pixel)
    m.output("x", x.pixel)
    for key in ("weights", "params", "drain", "idle"):
        m.output(key, tile[key])
    m.output("last_run", last_run)
    m.output("window_first", x.first_pixel & y.first_pixel)
    m.output("window_last", x.last_pixel & y.last_pixel)
    m.output("row_last", x.last_window)
    m.output("tile_last", x.last_window & y.last_window)
    m.output("layer_last", x.last_window & y.last_window & last_tile)
    return m
