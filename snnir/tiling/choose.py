"""Choice of the array: the smallest that is nearly as fast as the fastest that fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from snnir.analysis.intervals import signed_bits
from snnir.analysis.ranges import NeuronRanges, neuron_ranges
from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.schedule.loading import Ddr, choose_ports, choose_ring
from snnir.schedule.memories import Memory
from snnir.schedule.resources import estimate_luts
from snnir.targets import Target
from snnir.tiling.clocks import Estimator, streamed_cycles
from snnir.tiling.layers import LayerPlan, NetworkPlan, Synapse
from snnir.tiling.memory_estimate import Places, memories_of
from snnir.tiling.shape import pitch_of as shape_pitch
from snnir.tiling.shape import seen_inputs, shape_of, word_shifts
from snnir.tiling.weights import digits

SLACK = 1.15
"""An array may be this much slower than the fastest if it is smaller."""

SMALL = 1.5
"""Where the best array of some size is this much slower than the fastest, none smaller is near."""

WORTHWHILE = 0.9
"""Narrower weights in the array, and digits for wide ones, are taken if they save a tenth."""

MOST_OPERATIONS = 16384
"""No device that the machine is made for has LUTs for a larger array [SOP]."""


class WeightsTooLarge(UserError):
    """The weights do not fit the block RAM of the target."""


@dataclass(frozen=True)
class Request:
    """What the user fixed; 0 leaves a choice to the compiler.

    `streams`: weights come from DDR; `maps`: all memories count, those of the maps included.
    """

    banks: int = 0
    channels: int = 0
    planes: int = 0
    weight_bits: int = 0
    acc_bits: int = 0
    membrane_bits: int = 0
    fifo: int = 16
    drain: int = 0
    ports: int = 0
    streams: bool = False
    maps: bool = True


@dataclass(frozen=True)
class Candidate:
    """An array and what it does by estimate; the memory of the weights comes first."""

    cycles: float
    luts: int
    array: ArrayParameters
    memories: tuple[Memory, ...]

    @property
    def bram36(self) -> float:
        return sum(memory.bram36 for memory in self.memories)


def choose_array(plan: NetworkPlan, target: Target, request: Request) -> ArrayParameters:
    """The array for a network: widths by proof, sizes by estimate.

    Among the candidates that fit the target (LUTs, and BRAM of all memories), the fastest by
    estimate is found, then the one of fewest LUTs that is at most `SLACK` times slower. Arrays of
    more than `max_operations` are looked at only if no smaller one computes `enough_images`.

    Raises:
        UserError: a size cannot work, or nothing fits.
    """
    planes = _planes(plan, request)
    choice = _Choice(plan, target, request, widths(plan, request, planes))
    sizes = list(_sizes(plan, target, request, planes))
    small = [s for s in sizes if s[0] * s[1] * planes <= target.max_operations or s[0] * s[1] == 1]
    if request.banks and request.channels:
        small = sizes
    found = choice.candidates(small)
    enough = target.clock_mhz * 1e6 / target.enough_images
    if len(small) < len(sizes) and min((c.cycles for c in found), default=enough + 1) > enough:
        found += choice.candidates([size for size in sizes if size not in small])
    if not found:
        raise choice.refusal()
    fastest = min(c.cycles for c in found)
    near = (c for c in found if c.cycles <= SLACK * fastest)
    return min(near, key=lambda c: (c.luts, c.cycles)).array


class _Choice:
    """Looks at arrays for a network."""

    def __init__(self, plan: NetworkPlan, target: Target, request: Request, wide: dict[str, int]):
        self.target, self.request, self.wide = target, request, wide
        self.planes = _planes(plan, request)
        self.estimator = Estimator(shape_of(plan, wide["weight_bits"]))
        self.fastest = math.inf
        self.refused: list[Candidate] = []
        self.places: dict[tuple[int, ...], Places] = {}

    def candidates(self, sizes: list[tuple[int, int, int]]) -> list[Candidate]:
        """What fits; the largest first, down to where arrays are too small to be near."""
        found: list[Candidate] = []
        lanes = sorted({banks * channels for banks, channels, _ in sizes}, reverse=True)
        for count in lanes:
            level = [self.look(*size) for size in sizes if size[0] * size[1] == count]
            fitting = [c for c in level if c is not None and self.fits(c)]
            found += fitting
            best = min((c.cycles for c in fitting), default=math.inf)
            self.fastest = min(self.fastest, best)
            # With fewer lanes no array is faster; with half of them a third slower is far off.
            if math.isfinite(best) and best > SMALL * self.fastest:
                break
        return found

    def look(self, banks: int, channels: int, drain: int) -> Candidate | None:
        """An array with its figures; None if it has fewer banks than ports were asked for."""
        request, target = self.request, self.target
        if request.ports > banks and not request.banks:
            return None
        try:
            array = ArrayParameters(
                banks, channels, self.planes, **self.wide, fifo=request.fifo, drain=drain,
                ports=max(1, request.ports) if request.streams else 1,
            )  # fmt: skip
            if request.streams and not request.ports:
                ports = choose_ports(array, target.granted_gbps, target.clock_mhz)
                array = replace(array, ports=ports)
        except ValueError as error:
            raise UserError(str(error)) from None
        estimator = self.estimator
        luts, rows = estimate_luts(array, estimator.shape.rate), estimator.rows(array)
        kept = rows if request.streams else [estimator.kept_rows(array)]
        depth = weight_depth(kept, array, target if request.streams else None)
        memories = tuple(memories_of(estimator.shape, array, depth, self.places))
        refused = Candidate(math.inf, luts, array, memories)
        if not self.fits(refused):
            self.refused.append(refused)
            return None
        layers = estimator.layers(array)
        cycles = sum(float(layer.total.mean()) for layer in layers)
        if request.streams:
            cycles = streamed_cycles(layers, rows, array, depth, Ddr.of(target, array.ports))
        return replace(refused, cycles=cycles)

    def fits(self, candidate: Candidate) -> bool:
        request = self.request
        # What was asked for is refused by the finished program, not by an estimate.
        whole = request.maps and not (request.banks and request.channels)
        needed = candidate.bram36 if whole else candidate.memories[0].bram36
        return candidate.luts <= self.target.usable_lut and needed <= self.target.bram36

    def refusal(self) -> UserError:
        """Why nothing fits."""
        request = self.request
        if not self.refused:
            name = max(("drain", "ports"), key=lambda name: getattr(request, name))
            count = getattr(request, name)
            return UserError(
                f"{name}={count} needs as many banks", hint=f"use banks={count}, or {name}=0"
            )
        return _too_large(self.refused, self.target)


def widths(plan: NetworkPlan, request: Request, planes: int) -> dict[str, int]:
    """The widths of weights, accumulators and membranes, by proof.

    Raises:
        UserError: what was asked for can overflow, or the array has none so wide.
    """
    weight_bits = request.weight_bits or _weight_bits(plan)
    words = word_shifts(plan.image_bits, planes)
    acc_bits = _width(
        plan, "acc_bits", request.acc_bits, lambda p: _acc_bits(p, plan, weight_bits, words)
    )
    membrane_bits = _width(
        plan,
        "membrane_bits",
        request.membrane_bits,
        lambda p: neuron_bounds(p, plan, planes, words).bits,
    )
    return {"weight_bits": weight_bits, "acc_bits": acc_bits, "membrane_bits": membrane_bits}


def pitch_of(plan: NetworkPlan, source: SSAValue, block: int, array: ArrayParameters) -> int:
    """Positions per pixel of a map in blocks of `block` channels; see `snnir.tiling.shape`."""
    readers = [
        (
            layer.dims,
            s.weights.shape,
            seen_inputs(
                s.weights.shape, s.groups, 0, min(layer.block(array.channels), layer.dims[0])
            ),
        )
        for layer, s in plan.consumers(source)
    ]
    return shape_pitch(readers, block, array)


def longest_train(plan: NetworkPlan) -> tuple[str, int]:
    """Label and steps of the longest train that a layer fires; no steps if there is no such."""
    label, steps = "", 0
    for layer in plan.layers:
        if layer.out is not None and layer.schedule["steps_out"] > steps:
            label, steps = layer.label, layer.schedule["steps_out"]
    return label, steps


def _planes(plan: NetworkPlan, request: Request) -> int:
    """As many planes as the longest train has steps; the image's bits may be cut into words."""
    label, steps = longest_train(plan)
    image = plan.encode.train.type
    if image.coding_name == "rate" and image.steps.data > steps:
        label, steps = "input", image.steps.data
    if not request.planes:
        return steps or min(plan.image_bits, 8)
    if request.planes < steps:
        raise UserError(
            f"planes={request.planes} is less than the {steps} steps of the trains",
            where=label,
            hint=f"use planes={steps} or fewer time steps",
        )
    return request.planes


def _weight_bits(plan: NetworkPlan) -> int:
    """Bits of the array's weights: the widest weight of a convolution or dense layer, at most 8.

    Where layers differ, fewer bits may be better, and wider weights are cut into digits: what
    counts is the product of the bits that are stored and the digits that are worked off.
    """
    sizes: dict[int, tuple[int, int]] = {}
    for layer in plan.layers:
        for synapse in layer.synapses:
            if not synapse.one_to_one:
                needed = signed_bits(int(synapse.weights.min()), int(synapse.weights.max()))
                stored, worked = sizes.get(needed, (0, 0))
                size = synapse.weights.size
                sizes[needed] = stored + size, worked + size * layer.dims[1] * layer.dims[2]
    widest = min(8, max([2, *sizes]))

    def price(width: int) -> int:
        counts = [(-(-needed // width), *size) for needed, size in sizes.items()]
        stored = sum(width * digits * size for digits, size, _ in counts)
        return stored * sum(digits * work for digits, _, work in counts)

    best = min(range(widest, 1, -1), key=price)
    return best if price(best) < WORTHWHILE * price(widest) else widest


def _width(plan: NetworkPlan, name: str, asked: int, need) -> int:
    needs = {layer.label: need(layer) for layer in plan.layers}
    label = max(needs, key=needs.get)
    limit = ArrayParameters.LIMITS[name][1]
    if needs[label] > limit:
        raise UserError(
            f"{name} of {needs[label]} needed, the array has at most {limit}",
            where=label,
            hint="use fewer time steps or fewer weight bits",
        )
    if asked and asked < needs[label]:
        raise UserError(
            f"{name.replace('_', '-')}={asked} can overflow, {needs[label]} are needed", where=label
        )
    return asked or max(2, needs[label])


def _factor(synapse: Synapse, plan: NetworkPlan, words: list[tuple[int, int]]) -> int:
    """What one weight can contribute to a plane: pooled taps, and the words of the image."""
    from_image = synapse.source is plan.encode.train
    return synapse.terms * (sum(1 << shift for _, shift in words) if from_image else 1)


def _in_a_step(layer: LayerPlan) -> list[Synapse]:
    """The synapses that can act in the same step.

    What is late from the window before comes in steps in which the same branch has nothing else.
    """
    return [synapse for synapse in layer.synapses if synapse.delay >= 0]


def _acc_bits(layer: LayerPlan, plan: NetworkPlan, weight_bits: int, words) -> int:
    """Bits that hold every partial sum: digits may reach further than the weights they make up."""
    low = high = 0
    for synapse in _in_a_step(layer):
        factor = _factor(synapse, plan, words)
        for digit in digits(synapse.weights, weight_bits):
            flat = digit.weights.reshape(len(digit.weights), -1)
            low = low + (flat.clip(max=0).sum(1) << digit.shift) * factor
            high = high + (flat.clip(min=0).sum(1) << digit.shift) * factor
    return signed_bits(int(low.min()), int(high.max()))


def neuron_bounds(layer: LayerPlan, plan: NetworkPlan, planes: int, words) -> NeuronRanges:
    """What the neuron's regions can hold for the machine's plane currents."""
    low = high = 0
    for synapse in _in_a_step(layer):
        factor = _factor(synapse, plan, words)
        flat = synapse.weights.reshape(len(synapse.weights), -1)
        low = low + flat.clip(max=0).sum(1) * factor
        high = high + flat.clip(min=0).sum(1) * factor
    how = layer.schedule | {"steps_in": min(layer.schedule["steps_in"], planes)}
    how["windows"] = layer.windows
    return neuron_ranges(layer.neuron, layer.params, (low, high), **how)


def _sizes(plan, target: Target, request: Request, planes: int) -> Iterator[tuple[int, int, int]]:
    """(banks, channels, drain) to try: powers of two, no more banks than channels unless asked."""
    widest = max(layer.dims[0] for layer in plan.layers)
    powers = [1 << i for i in range(9)]
    lanes_to_try = [n for n in powers if n <= ArrayParameters.LIMITS["drain"][1]]
    for banks in [request.banks] if request.banks else powers:
        for channels in [request.channels] if request.channels else powers:
            fixed = request.banks and request.channels
            if not request.banks and (banks > target.max_banks or banks > max(channels, 1)):
                continue
            if not request.channels and channels > 1 and channels >= 2 * widest:
                continue
            lanes = banks * channels
            if not fixed and lanes > 1 and lanes * planes > MOST_OPERATIONS:
                continue
            for drain in [request.drain] if request.drain else lanes_to_try:
                # What was asked for together is refused where it cannot work, not passed over.
                limit = min(banks, channels)
                if drain <= limit or request.drain and (request.banks or drain <= banks):
                    yield banks, channels, drain


def weight_depth(rows: list[int], array: ArrayParameters, target: Target | None) -> int:
    """Rows of a weight memory: those of all tiles, or of a ring if there is a target for it."""
    return sum(rows) if target is None else choose_ring(array, max(rows), target.bram36)


def _too_large(refused: list[Candidate], target: Target) -> UserError:
    by_luts = [c for c in refused if c.bram36 <= target.bram36]
    if not by_luts:
        least = min(refused, key=lambda c: c.bram36)
        weights = least.memories[0].bram36
        if weights > target.bram36:
            return WeightsTooLarge(
                f"the weights need {weights:g} BRAM36, {target.name} has {target.bram36}: "
                f"{weights - target.bram36:g} too many",
                hint="use fewer weight bits, a smaller network or a larger target",
            )
        return WeightsTooLarge(
            f"weights and maps need {least.bram36:g} BRAM36, {target.name} has {target.bram36}: "
            f"{least.bram36 - target.bram36:g} too many",
            hint="use fewer weight bits, a smaller network or a larger target",
        )
    least = min(by_luts, key=lambda c: c.luts)
    array = least.array
    size = f"{array.banks} banks of {array.channels} channels and {array.planes} planes"
    return UserError(
        f"an array of {size} needs about {least.luts} LUTs, {target.name} has {target.usable_lut} "
        f"usable: {least.luts - target.usable_lut} too many",
        hint="use fewer banks, channels, planes or weight bits",
    )
