"""Choice of the array: the smallest that is nearly as fast as the fastest that fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from snnir.analysis.loading import Ddr, choose_ports, choose_ring
from snnir.analysis.ranges import neuron_ranges, signed_bits
from snnir.analysis.resources import estimate_luts, weight_bram36
from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.targets import Target
from snnir.tiling.clocks import Estimator, streamed_cycles
from snnir.tiling.layers import LayerPlan, NetworkPlan, Synapse
from snnir.tiling.shape import pitch_of as shape_pitch
from snnir.tiling.shape import seen_inputs, shape_of, word_shifts
from snnir.tiling.weights import digits

SLACK = 1.15
"""An array may be this much slower than the fastest if it is smaller."""


class WeightsTooLarge(UserError):
    """The weights do not fit the block RAM of the target."""


@dataclass(frozen=True)
class Request:
    """What the user fixed; 0 leaves a choice to the compiler. `streams`: weights come from DDR."""

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


def choose_array(plan: NetworkPlan, target: Target, request: Request) -> ArrayParameters:
    """The array for a network: widths by proof, sizes by estimate.

    Among the candidates that fit the target (LUTs, and BRAM of the weights), the fastest by
    estimate is found, then the one of fewest LUTs that is at most `SLACK` times slower.

    Raises:
        UserError: a size cannot work, or nothing fits.
    """
    planes = _planes(plan, request)
    wide = widths(plan, request, planes)
    estimator = Estimator(shape_of(plan, wide["weight_bits"]))
    candidates = []
    refused = []
    for banks, channels, drain in _sizes(plan, target, request, planes):
        if request.ports > banks and not request.banks:
            continue
        try:
            array = ArrayParameters(
                banks, channels, planes, **wide, fifo=request.fifo, drain=drain,
                ports=max(1, request.ports) if request.streams else 1,
            )  # fmt: skip
            if request.streams and not request.ports:
                ports = choose_ports(array, target.granted_gbps, target.clock_mhz)
                array = replace(array, ports=ports)
        except ValueError as error:
            raise UserError(str(error)) from None
        luts = estimate_luts(array, estimator.shape.rate)
        rows = estimator.rows(array)
        depth = weight_depth(rows, array, target if request.streams else None)
        bram = weight_bram36(banks, channels, array.weight_bits, depth)
        if luts <= target.usable_lut and bram <= target.bram36:
            layers = estimator.layers(array)
            cycles = sum(float(layer.total.mean()) for layer in layers)
            if request.streams:
                cycles = streamed_cycles(layers, rows, array, depth, target_ddr(target, array))
            candidates.append((cycles, luts, array))
        else:
            refused.append((bram > target.bram36, bram, luts, array))
    if not candidates and not refused:
        name = max(("drain", "ports"), key=lambda name: getattr(request, name))
        count = getattr(request, name)
        raise UserError(
            f"{name}={count} needs as many banks", hint=f"use banks={count}, or {name}=0"
        )
    if not candidates:
        raise _too_large(min(refused, key=lambda r: r[:3]), target)
    fastest = min(cycles for cycles, _, _ in candidates)
    return min((c for c in candidates if c[0] <= SLACK * fastest), key=lambda c: (c[1], c[0]))[2]


def target_ddr(target: Target, array: ArrayParameters) -> Ddr:
    """The memory that a target has for an array's ports."""
    return Ddr.shared(target.granted_gbps, target.clock_mhz, array.ports, target.ddr_latency)


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
        lambda p: _membrane_bits(p, plan, planes, words),
    )
    return {"weight_bits": weight_bits, "acc_bits": acc_bits, "membrane_bits": membrane_bits}


def pitch_of(plan: NetworkPlan, source: SSAValue, block: int, array: ArrayParameters) -> int:
    """Positions per pixel of a map in blocks of `block` channels; see `snnir.tiling.shape`."""
    readers = [
        (
            layer.dims,
            s.weights.shape,
            seen_inputs(s.weights.shape, s.groups, 0, min(array.channels, layer.dims[0])),
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
    """The widest weight of a convolution or dense layer, at most 8."""
    synapses = [s for layer in plan.layers for s in layer.synapses]
    ranges = [(int(s.weights.min()), int(s.weights.max())) for s in synapses if not s.one_to_one]
    return min(8, max([2, *(signed_bits(*r) for r in ranges)]))


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


def _acc_bits(layer: LayerPlan, plan: NetworkPlan, weight_bits: int, words) -> int:
    """Bits that hold every partial sum: digits may reach further than the weights they make up."""
    low = high = 0
    for synapse in layer.synapses:
        factor = _factor(synapse, plan, words)
        for digit in digits(synapse.weights, weight_bits):
            flat = digit.weights.reshape(len(digit.weights), -1)
            low = low + (flat.clip(max=0).sum(1) << digit.shift) * factor
            high = high + (flat.clip(min=0).sum(1) << digit.shift) * factor
    return signed_bits(int(low.min()), int(high.max()))


def _membrane_bits(layer: LayerPlan, plan: NetworkPlan, planes: int, words) -> int:
    """Bits of every value that the neuron's regions can hold for the machine's plane currents."""
    low = high = 0
    for synapse in layer.synapses:
        factor = _factor(synapse, plan, words)
        flat = synapse.weights.reshape(len(synapse.weights), -1)
        low = low + flat.clip(max=0).sum(1) * factor
        high = high + flat.clip(min=0).sum(1) * factor
    how = layer.schedule | {"steps_in": min(layer.schedule["steps_in"], planes)}
    return neuron_ranges(layer.neuron, layer.params, (low, high), **how).bits


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
            if not fixed and lanes > 1 and lanes * planes > target.max_operations:
                continue
            for drain in [request.drain] if request.drain else lanes_to_try:
                # What was asked for together is refused where it cannot work, not passed over.
                limit = min(banks, channels)
                if drain <= limit or request.drain and (request.banks or drain <= banks):
                    yield banks, channels, drain


def weight_depth(rows: list[int], array: ArrayParameters, target: Target | None) -> int:
    """Rows of a weight memory: those of all tiles, or of a ring if there is a target for it."""
    return sum(rows) if target is None else choose_ring(array, max(rows), target.bram36)


def _too_large(refused, target: Target) -> UserError:
    by_bram, bram, luts, array = refused
    size = f"{array.banks} banks of {array.channels} channels and {array.planes} planes"
    if by_bram:
        return WeightsTooLarge(
            f"the weights need {bram:g} BRAM36, {target.name} has {target.bram36}: "
            f"{bram - target.bram36:g} too many",
            hint="use fewer weight bits, a smaller network or a larger target",
        )
    return UserError(
        f"an array of {size} needs about {luts} LUTs, {target.name} has {target.usable_lut} "
        f"usable: {luts - target.usable_lut} too many",
        hint="use fewer banks, channels, planes or weight bits",
    )
