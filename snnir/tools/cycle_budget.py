"""`--budget cycles=N`: bits of weights and steps of trains that keep an image within N clocks."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnir.errors import UserError
from snnir.pipeline.flow import Flow, Stage, pipeline_text
from snnir.runtime.progress import step

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from snnir.explore.cycle_search import Plan, Search
    from snnir.schedule.program import ProgramTables

IMAGES = 8
"""Calibration images on which the C program counts clocks."""

ATTEMPTS = 4
"""How often the estimate is corrected by what the C program counts."""

NOTHING = 0.01
"""A lever that saves less than this share of the clocks is said to save nothing."""


@dataclass
class Kept:
    """A flow that keeps a budget, and what it was chosen by, for the manifest."""

    flow: Flow
    found: dict[str, Any]


@dataclass
class _Built:
    """A network compiled for its clocks: integers, tables, clocks and trains of some images."""

    snn: ModuleOp
    tables: ProgramTables
    cycles: float


def within_cycles(model: Path, flow: Flow, budget: float) -> Kept:
    """Options for each layer with which images take `budget` clocks or fewer, in the mean.

    The network as the options have it is compiled and counted first; if it is within the budget it
    stays as it is. Otherwise layers get fewer bits and steps where that costs least accuracy, by
    estimated clocks, until the C program counts no more than the budget allows.

    Raises:
        UserError: the options leave nothing to choose, or nothing keeps the budget.
    """
    _check(flow)
    flow = replace(flow, budget=None)
    with step("clocks without a budget"):
        base = _build(model, flow)
    size = base.tables.array
    fixed = replace(flow, array=(size.banks, size.channels, size.planes, size.drain))
    found: dict[str, Any] = {"before": base.cycles, "images": IMAGES}
    if base.cycles <= budget:
        return Kept(flow, found | {"cycles": base.cycles, "layers": [], "notes": []})
    if base.tables.moves:
        raise UserError(
            "a budget of clocks is for networks whose feature maps are all on the chip",
            where=str(model),
            hint="leave --budget out",
        )
    with step("what bits and steps cost"):
        search = _search(model, fixed, base)
        start = search.extreme(size.weight_bits, narrow=False, short=False)
    factor = base.cycles / start.cycles
    found["notes"] = _notes(search, start, flow.coding == "rate")
    for _ in range(ATTEMPTS):
        with step("bits and steps for each layer"):
            plan = search.within(budget / factor)
        if plan is None:
            break
        chosen = _options(search, plan, fixed)
        with step("clocks as chosen"):
            cycles = _build(model, chosen).cycles
        if cycles <= budget:
            return Kept(chosen, found | {"cycles": cycles, "layers": _rows(search, plan)})
        # A little more than what was missed: estimates stray a little each time.
        factor *= 1.002 * cycles / (plan.cycles * factor)
    reached = _build(model, _options(search, search.least(), fixed)).cycles
    ends = []
    if any(len(lever.bits) > 1 for lever in search.levers):
        ends.append("the narrowest weights")
    if any(len(lever.steps) > 1 for lever in search.levers):
        ends.append("the shortest trains")
    how = f"with {' and '.join(ends)}" if ends else "whatever weights and trains are,"
    raise UserError(
        f"--budget cycles={budget:g} is out of reach: {how} an image takes {reached:,.0f} clocks, "
        "the smallest budget",
        where=str(model),
        hint="use a larger budget or a larger --array",
    )


def _check(flow: Flow) -> None:
    for given, option in (
        (flow.reconfigurable, "--reconfigurable"),
        (flow.batch not in (None, 1), "--batch"),
        (flow.maps == "ddr" or flow.bands, "--maps and --bands"),
        (flow.input_coding not in (None, "pixels"), "--input-coding spikes"),
        (flow.bits_of or flow.steps_of, "--bits-of and --steps-of"),
    ):
        if given:
            raise UserError(
                f"--budget cycles=N and {option} cannot both be given",
                where="snnc compile",
                hint="leave one of them out",
            )


def _until(flow: Flow, last: str) -> str:
    stages: list[Stage] = []
    for stage in flow.stages():
        stages.append(stage)
        if stage.name == last:
            break
    return pipeline_text(stages)


def _build(model: Path, flow: Flow) -> _Built:
    """The network with some options, and the clocks that the C program counts."""
    from snnir.analysis.slices import has_volumes
    from snnir.frontend.onnx import import_model
    from snnir.pipeline.describe import describe_input, model_input, tables_of
    from snnir.pipeline.run import run_pipeline
    from snnir.runtime.cmodel import CEngine
    from snnir.runtime.encode import encode_frames
    from snnir.runtime.samples import load_samples
    from snnir.schedule.loading import Ddr
    from snnir.targets import load_target

    module = import_model(model)
    shape = model_input(module)
    run_pipeline(module, _until(flow, "quantise"))
    if has_volumes(module):
        raise UserError(
            "--budget cycles=N is for networks over maps, this one has volumes",
            where=str(model),
            hint="use --budget bits=N, or --weight-bits and --timesteps",
        )
    snn = module.clone()
    stages = list(flow.stages())
    names = [stage.name for stage in stages]
    rest = stages[names.index("tile-to-pe") : names.index("event-schedule") + 1]
    run_pipeline(module, pipeline_text(rest))
    tables = tables_of(module)
    samples = load_samples(flow.calibration, shape[1:]).first(IMAGES)
    frames = encode_frames(describe_input(snn, shape), samples.x)
    how = {}
    if tables.uses_ddr:
        how["ddr"] = Ddr.of(load_target(flow.target), tables.read_ports)
    with tempfile.TemporaryDirectory(prefix="snnir-budget-") as folder:
        engine = CEngine.from_module(module, Path(folder))
        result = engine.run(frames, record=False, **how)
    return _Built(snn, tables, float(result.cycles.mean()))


def _search(model: Path, flow: Flow, base: _Built) -> Search:
    from snnir.analysis.network import encode_of, layers, producer, train_labels
    from snnir.calibration.images import load_calibration
    from snnir.calibration.sensitivity import sensitivities
    from snnir.calibration.short_trains import IMAGES as LOOKED_AT
    from snnir.calibration.short_trains import short_trains
    from snnir.dialects.dense import from_dense
    from snnir.dialects.snn import FireOp
    from snnir.explore.cycle_search import NARROWEST, ClockModel, Lever, Search
    from snnir.frontend.onnx import import_model
    from snnir.interpreters.images import padded_images, pixels_of
    from snnir.interpreters.snn import run_snn
    from snnir.passes._layer_in_work import train_values
    from snnir.pipeline.run import run_pipeline
    from snnir.targets import load_target
    from snnir.tiling.layers import plan_network
    from snnir.tiling.shape import shape_of
    from snnir.tiling.weights import digits

    rate = flow.coding == "rate"
    scales: dict[int, dict[str, np.ndarray]] = {}
    for steps in [flow.timesteps] if rate else range(1, flow.timesteps + 1):
        balanced = import_model(model)
        # What is learned takes long, and is learned anew for what is chosen.
        how = None if flow.balance == "learned" else flow.balance
        run_pipeline(
            balanced, _until(replace(flow, timesteps=steps, balance=how), "threshold-balance")
        )
        fires = [op for op in layers(balanced) if isinstance(op, FireOp)]
        scales[steps] = {op.label.data: from_dense(op.threshold) for op in fires}
    encode = encode_of(balanced)
    images = load_calibration(flow.calibration, flow.samples or 128, encode)
    narrowed = sensitivities(balanced, images, train_values(balanced), flow.weight_bits)
    names, tied = train_labels(balanced), _tied(balanced)
    leaders = {t: producer(t).label.data for t in names if t is not encode.train}
    follows = {names[t]: tied.get(label, label) for t, label in leaders.items()}
    fixed = {op.label.data: op.given for op in layers(balanced) if op.given is not None}
    plan = plan_network(base.snn)
    if rate:
        trains = run_snn(base.snn, images[:LOOKED_AT]).trains
        spiking = {(name, flow.timesteps): trains[name] != 0 for name in follows}
        errors = {}
    else:
        short = short_trains(balanced, images, scales)
        spiking, errors = short.spiking, short.errors
    levers = []
    for op, one in zip(layers(balanced), narrowed, strict=True):
        label, lengths = op.label.data, {flow.timesteps: 0.0}
        if isinstance(op, FireOp) and not rate and label not in fixed and label not in tied:
            mine = [label, *(other for other, leader in tied.items() if leader == label)]
            lengths = {t: sum(errors[other, t] for other in mine) for t in scales}
        bits = dict(one.errors) if one.weights else {flow.weight_bits: 0.0}
        if label in fixed:
            bits = {fixed[label].data["bits"].value.data: 0.0}
        levers.append(Lever(label, bits, lengths))
    wide = {
        (layer.label, index, digit): len(digits(synapse.weights, digit))
        for layer in plan.layers
        for index, synapse in enumerate(layer.synapses)
        if synapse.one_to_one
        for digit in range(NARROWEST, 9)
    }
    pixels = padded_images(encode, pixels_of(encode_of(base.snn), images[:LOOKED_AT]))
    clocks = ClockModel(
        shape_of(plan, base.tables.array.weight_bits), base.tables.array,
        load_target(flow.target), pixels.astype(np.uint8), spiking, follows, wide,
        bool(base.tables.ring),
    )  # fmt: skip
    return Search(levers, clocks.cycles)


def _tied(module: ModuleOp) -> dict[str, str]:
    """The relays that have the steps of the layer before them, and that layer."""
    from snnir.analysis.network import branches, layers, producer
    from snnir.dialects.snn import FireOp, OneToOneOp

    found: dict[str, str] = {}
    for op in layers(module):
        synapses = branches(op)
        if isinstance(op, FireOp) and len(synapses) == 1 and isinstance(synapses[0], OneToOneOp):
            source = producer(synapses[0].source)
            if isinstance(source, FireOp):
                label = source.label.data
                found[op.label.data] = found.get(label, label)
    return found


def _notes(search: Search, start: Plan, rate: bool) -> list[str]:
    """A line about each lever that saves nothing, which is then left alone."""
    notes = []
    narrow = (search.extreme(digit, narrow=True, short=False) for digit in search.digits())
    saved = 1 - min(plan.cycles for plan in narrow) / start.cycles
    if saved < NOTHING:
        notes.append(
            f"narrower weights save nothing ({max(saved, 0):.1%} at most): clocks go to events and "
            "pixels; they stay as they are"
        )
        widest = [{max(lever.bits): 0.0} for lever in search.levers]
        search.levers = [
            replace(lever, bits=bits) for lever, bits in zip(search.levers, widest, strict=True)
        ]
    if rate:
        notes.append("trains stay as they are: in rate coding all layers have the same steps")
        return notes
    short = search.extreme(start.digit, narrow=False, short=True)
    saved = 1 - short.cycles / start.cycles
    if saved < NOTHING:
        notes.append(
            f"shorter trains save nothing ({max(saved, 0):.1%} at most): planes lie side by side, "
            "and it is not events that clocks go to; they stay as they are"
        )
        search.levers = [replace(lever, steps={max(lever.steps): 0.0}) for lever in search.levers]
    return notes


def _options(search: Search, plan: Plan, flow: Flow) -> Flow:
    bits, steps = [], []
    for lever, b, t in zip(search.levers, plan.bits, plan.steps, strict=True):
        if len(lever.bits) > 1 and b != flow.weight_bits:
            bits.append(f"{lever.label}:{b}")
        if len(lever.steps) > 1 and t != flow.timesteps:
            steps.append(f"{lever.label}:{t}")
    return replace(
        flow, bits_of=tuple(bits) or None, steps_of=tuple(steps) or None, array_bits=plan.digit
    )


def _rows(search: Search, plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "name": lever.label,
            "bits": b,
            "steps": t,
            "error_of_bits": lever.bits[b],
            "error_of_steps": lever.steps[t],
        }
        for lever, b, t in zip(search.levers, plan.bits, plan.steps, strict=True)
    ]
