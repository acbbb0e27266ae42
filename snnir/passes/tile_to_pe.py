"""tile-to-pe: an integer spiking network becomes the program of an event-driven array."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, fields, replace

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ModuleOp,
)
from xdsl.passes import ModulePass

from snnir.analysis.network import network_of
from snnir.dialects.assembly import integer
from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_layers import shared_rows
from snnir.dialects.pe_types import (
    POWERS_OF_TWO,
    ArrayParameters,
)
from snnir.errors import UserError
from snnir.hardware.reconfigurable.file import read_machine
from snnir.passes.event_schedule import needed_beside_maps, overflow
from snnir.schedule.loading import choose_ring
from snnir.schedule.resources import weight_bram36
from snnir.targets import Target, load_target
from snnir.tiling.bands import MAPS, MapPlan, plan_maps
from snnir.tiling.builder import ProgramBuilder
from snnir.tiling.choose import Request, WeightsTooLarge, choose_array
from snnir.tiling.layers import NetworkPlan, plan_network

WEIGHTS = ("auto", "onchip", "stream")
"""Where weights may be kept."""

MAPS_SHARE = 1 / 4
"""Of the block RAM: where maps in DDR leave less for what they need on the chip, weights come from
there as well."""

MAP_ATTEMPTS = 8
"""How often bands are chosen anew where the estimate of what fits was wrong."""


@dataclass(frozen=True)
class TileToPePass(ModulePass):
    """Map a quantised network onto the array: its size, its tiles, its runs, its weights.

    The array computes a tile of output channels at a time, pixel after pixel, and consumes only
    events (neurons that spike at all). Each layer is cut into tiles of as many channels as the
    array has; for each branch into a tile a stream of runs says which neighbouring pixels of which
    map are walked, and which weight row each event fetches.

    Algorithm: max pools are folded into the layer below (or into a relay layer that emits again
    what it receives); average pools and dense layers become convolutions with more or larger
    windows. The array's planes and widths follow from the network (longest train, range analysis);
    banks, channels and lanes of the drain are the smallest that come within 15 % of the fastest
    array that fits the target by estimate, with all its memories. The target says up to which size
    arrays are looked at, unless none of them computes enough images a second. Images of more bits
    than planes are cut into words, weights wider than the array's into balanced digits; each piece
    is a stream with its shift. Runs that meet only zero weights are dropped, tile by tile. Streams
    are in the order of falling shift, then of branches; runs from block to block, top to bottom,
    left to right.

    Feature maps that do not fit the target are kept in DDR, the largest first, and the layers over
    them are cut into bands of rows: `pe.load` brings the rows that a band's windows reach, halo
    included, and `pe.store` takes its result away. The image stays in its buffer; each band that
    reads it receives its own rows (`rows` of `pe.receive`). A band is a `pe.layer` of its own,
    whose runs count from the first row that was loaded, so that padding is at the map's rim alone.

    Assumptions: integer weights and parameters (`quantise` has run), one encoder, one readout.

    Options:
        target: name of a shipped target, or a TOML file.
        banks: number of banks, a power of two; 0 chooses.
        channels: output channels of a tile; 0 chooses.
        planes: bits of a train processed side by side; 0 takes the longest train.
        weight_bits: width of a weight in the array; 0 takes the widest, at most 8.
        acc_bits: width of an accumulator; 0 takes what is proven to suffice.
        membrane_bits: width of a membrane potential; 0 takes what is proven to suffice.
        fifo: depth of each bank's run queue, a power of two.
        drain: channels that leave the array at once, a power of two up to the banks; 0 chooses.
        ports: AXI read ports through which weights come from DDR, 1, 2 or 4; 0 takes as many as the
            target's DDR can keep busy.
        weights: `onchip` keeps all weights in the banks' memories, `stream` fetches them from DDR
            tile by tile into rings, `auto` does so where they do not fit the target.
        ring: rows of a bank's ring, a power of two; 0 takes two of the largest tiles or more.
        overlap: whether bands are made small enough for the maps of two, so that `event-schedule`
            can let maps move while the array computes.
        maps: `onchip` keeps all feature maps in the array's memories, `ddr` keeps them in DDR and
            has of each only what a layer needs on the chip, `auto` does so with those that do not
            fit the target.
        bands: into how many bands of rows a layer is cut whose result is in DDR; 0 takes as few as
            fit the target.
        machine: a machine file; the program is then for that machine, with its array and its ring,
            and the target decides nothing.
    """

    name = "tile-to-pe"

    target: str = "pynq-z2"
    banks: int = 0
    channels: int = 0
    planes: int = 0
    weight_bits: int = 0
    acc_bits: int = 0
    membrane_bits: int = 0
    fifo: int = 16
    drain: int = 0
    ports: int = 0
    weights: str = "auto"
    ring: int = 0
    maps: str = "auto"
    bands: int = 0
    overlap: bool = True
    machine: str = ""

    def __post_init__(self) -> None:
        if self.machine:
            self._check_alone()
        if self.weights not in WEIGHTS:
            raise UserError(f"weights={self.weights} is impossible, use {', '.join(WEIGHTS)}")
        if self.maps not in MAPS:
            raise UserError(f"maps={self.maps} is impossible, use {', '.join(MAPS)}")
        if self.bands < 0 or (self.bands and self.maps == "onchip"):
            raise UserError(
                f"bands={self.bands} is impossible with maps={self.maps}", hint="leave it out"
            )
        if self.ring < 0 or self.ring == 1 or self.ring & (self.ring - 1):
            raise UserError(f"ring={self.ring} must be a power of two")
        for name, (low, high) in ArrayParameters.LIMITS.items():
            value = getattr(self, name)
            if value != 0 and not low <= value <= high:
                option = name.replace("_", "-")
                raise UserError(f"{option}={value} is impossible, use {low} to {high}, or 0")
            if name in POWERS_OF_TWO and value & (value - 1):
                raise UserError(f"{name}={value} must be a power of two")

    def _check_alone(self) -> None:
        """Nothing else decides about the array where a machine does."""
        for option in fields(self):
            given = getattr(self, option.name) != option.default
            if given and option.name not in ("machine", "target", "weights", "maps"):
                raise UserError(
                    f"{option.name.replace('_', '-')} and machine cannot both be given",
                    hint="leave one of them out",
                )
        if self.maps == "ddr":
            raise UserError(
                "a machine for many programs keeps all feature maps on the chip",
                hint="use maps=onchip",
            )
        if self.weights == "onchip":
            raise UserError(
                "a machine for many programs takes its weights from DDR", hint="use weights=stream"
            )

    def apply(self, ctx: Context, module: ModuleOp) -> None:
        target = load_target(self.target)
        plan = plan_network(module)
        program = self._with_maps(plan, target)
        function = network_of(module)
        program.location = function.location
        for neuron in plan.relay_neurons:
            module.body.block.insert_op_before(neuron, function)
        module.body.block.insert_op_before(program, function)
        function.detach()
        function.erase()

    def _with_maps(self, plan: NetworkPlan, target: Target) -> ProgramOp:
        """The program, with feature maps in DDR where they do not fit or were asked for there."""
        no_ddr = self.maps == "auto" and not target.granted_gbps
        if plan.recurrent and self.maps == "ddr":
            raise UserError(
                "what comes again in the next window is kept on the chip",
                hint="use maps=onchip",
            )
        if self.maps == "onchip" or self.machine or no_ddr or plan.recurrent:
            return self._program(plan, target, None)
        if self.maps == "auto":
            with contextlib.suppress(WeightsTooLarge):
                program = self._program(plan, target, None)
                if overflow(program, target.bram36) <= 0:
                    return program
        options, program = self, self._program(plan, target, MapPlan())
        room = target.bram36 - needed_beside_maps(program)
        if self.weights == "auto" and program.ring is None and room < MAPS_SHARE * target.bram36:
            options = replace(self, weights="stream")
            program = options._program(plan, target, MapPlan())
            room = target.bram36 - needed_beside_maps(program)
        array = program.array.data
        options = replace(options, **vars(array))
        if self.overlap and not self.bands:
            with contextlib.suppress(UserError):
                program, over = options._in_bands(plan, target, room)
                if over <= 0:
                    return program
            options = replace(options, overlap=False)
        return options._in_bands(plan, target, room)[0]

    def _in_bands(self, plan: NetworkPlan, target: Target, room: float) -> tuple[ProgramOp, float]:
        """The program with bands that fit some block RAM, and by how much they do not."""
        overlap = self.overlap and not self.bands
        array = ArrayParameters(**{name: getattr(self, name) for name in ArrayParameters.LIMITS})
        for _ in range(MAP_ATTEMPTS):
            maps = plan_maps(plan, array, self.maps, self.bands, room, overlap)
            program = self._program(plan, target, maps)
            over = overflow(program, target.bram36, overlap, maps.alone)
            if over <= 0 or self.bands:
                break
            # What is there besides is known once there are bands.
            known = target.bram36 - needed_beside_maps(program)
            exact = overlap and known >= maps.needed
            room = maps.needed - over if exact else known if overlap else room - over
        return program, over

    def _program(self, plan: NetworkPlan, target: Target, maps: MapPlan | None) -> ProgramOp:
        if self.machine:
            return self._for_machine(plan, target)
        if self.weights != "stream":
            try:
                return self._build(plan, target, streams=False, maps=maps)
            except WeightsTooLarge:
                if self.weights == "onchip":
                    raise
        return self._build(plan, target, streams=True, maps=maps)

    def _for_machine(self, plan: NetworkPlan, target: Target) -> ProgramOp:
        machine = read_machine(self.machine)
        anything = replace(target, lut=sys.maxsize, bram36=sys.maxsize)
        options = replace(self, **vars(machine.array), ring=machine.ring, machine="")
        try:
            program = options._build(plan, anything, streams=True)
        except UserError as error:
            raise UserError(
                f"machine {machine.name}: {error.what}", where=error.where, hint=error.hint
            ) from error
        program.stages = integer(machine.fire_stages)
        return program

    def _build(
        self, plan: NetworkPlan, target: Target, streams: bool, maps: MapPlan | None = None
    ) -> ProgramOp:
        sizes = {name: getattr(self, name) for name in ArrayParameters.LIMITS}
        request = Request(**sizes, streams=streams, maps=maps is None)
        array = choose_array(plan, target, request)
        program = ProgramBuilder(plan, array, maps).program()
        if streams:
            largest = max(tile.rows for layer in program.layers for tile in layer.tiles)
            program.ring = integer(self.ring or choose_ring(array, largest, target.bram36))
        _check_weights(program, target)
        return program


def _check_weights(program: ProgramOp, target: Target) -> None:
    """Raise where the weights of the finished program do not fit the target, or not the ring."""
    array = program.array.data
    # Bands of a layer share what is on the chip.
    tiles = [tile for layer in program.layers for tile in layer.tiles]
    rows = {shared_rows(tile): tile.rows for tile in tiles}.values()
    depth = program.ring.value.data if program.ring else sum(rows)
    if depth < max(rows):
        raise UserError(
            f"a tile has {max(rows)} weight rows, the ring {depth}",
            hint=f"use ring={1 << (max(rows) - 1).bit_length()} or more",
        )
    needed = weight_bram36(array.banks, array.channels, array.weight_bits, depth)
    if needed > target.bram36:
        raise WeightsTooLarge(
            f"the weights need {needed:g} BRAM36, {target.name} has {target.bram36}: "
            f"{needed - target.bram36:g} too many",
            hint="use fewer weight bits, fewer banks, a smaller network or a larger target",
        )
