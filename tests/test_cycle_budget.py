"""Budgets of clocks: the search, its clock model, and what snnc compile makes of it."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from digits import CALIBRATION, MODEL, balanced

from snnir.analysis.network import encode_of, layers
from snnir.calibration.images import load_calibration
from snnir.calibration.short_trains import short_trains
from snnir.dialects.dense import from_dense
from snnir.errors import UserError
from snnir.explore.cycle_search import Lever, Search, digits_of
from snnir.pipeline.budget import parse_budget
from snnir.runtime.build import BuildFolder
from snnir.runtime.engines import run_engine
from snnir.tiling.weights import digits
from snnir.tools.snnc import run as snnc

GIVEN = [
    "--calibration", str(CALIBRATION), "--input-scale", "0.0625", "--array", "4,8,4",
    "--no-verilog",
]  # fmt: skip

SLOW = """\
name = "slow"
part = "xc7z020clg400-1"
lut = 53200
ff = 106400
bram36 = 140
dsp = 220
clock_mhz = 150
ddr_gbps = 0.2
lut_share = 0.7
max_operations = 1024
max_banks = 16
"""


def test_digits_are_those_of_the_tiling():
    for bits, digit in itertools.product(range(2, 9), repeat=2):
        top = (1 << (bits - 1)) - 1
        assert digits_of(bits, digit) == len(digits(np.arange(-top, top + 1), digit)), (bits, digit)


def search(seed):
    """Layers whose clocks are pieces of their digits and steps, with a floor."""
    rng = np.random.default_rng(seed)
    levers, pieces = [], []
    for index in range(3):
        errors = np.sort(rng.random(3))[::-1]
        bits = {b: float(e) for b, e in zip((2, 3, 4), errors, strict=True)}
        lost = np.sort(rng.random(3))[::-1]
        steps = {t: float(e) for t, e in zip((1, 2, 3), lost, strict=True)}
        levers.append(Lever(f"l{index}", bits, steps))
        pieces.append(rng.integers(10, 100, 2))

    def clocks(digit, bits, steps):
        work = sum(
            int(a) * digits_of(bits[f"l{i}"], digit) * digit + int(b) * steps[f"l{i}"]
            for i, (a, b) in enumerate(pieces)
        )
        return max(float(work), 150.0)

    return Search(levers, clocks)


def every_plan(found):
    bits = itertools.product(*(lever.bits for lever in found.levers))
    steps = list(itertools.product(*(lever.steps for lever in found.levers)))
    for chosen, digit in itertools.product(bits, found.digits()):
        for own in steps:
            yield found.plan(digit, chosen, own)


@pytest.mark.parametrize("seed", range(6))
def test_the_search_keeps_a_budget_at_little_error(seed):
    found = search(seed)
    plans = list(every_plan(found))
    cycles = sorted(plan.cycles for plan in plans)
    assert found.least().cycles == cycles[0]
    for share in (0.1, 0.3, 0.6):
        budget = cycles[int(share * len(cycles))]
        plan = found.within(budget)
        best = min(other.error for other in plans if other.cycles <= budget)
        assert plan.cycles <= budget
        assert plan.error <= 1.25 * best + 0.05
        # Nothing more fits: no single part could be better.
        for other in plans:
            same = plan.digit == other.digit
            parts = zip(plan.bits + plan.steps, other.bits + other.steps, strict=True)
            if same and sum(a != b for a, b in parts) == 1 and other.error < plan.error - 1e-9:
                assert other.cycles > budget
    assert found.within(cycles[0] - 1) is None
    loose = found.within(cycles[-1])
    assert loose.error == min(plan.error for plan in plans)


def test_short_trains_stray_more_and_are_more_often_silent():
    scales = {}
    for steps in (1, 2, 3, 4):
        module = balanced(f"timesteps={steps}")
        fires = list(layers(module))[:-1]
        scales[steps] = {op.label.data: from_dense(op.threshold) for op in fires}
    images = load_calibration(str(CALIBRATION), 16, encode_of(module))
    found = short_trains(module, images, scales)
    for label in scales[1]:
        errors = [found.errors[label, steps] for steps in scales]
        assert errors == sorted(errors, reverse=True) and errors[-1] > 0
    for train in {name for name, _ in found.spiking}:
        shares = [found.spiking[train, steps].mean() for steps in scales]
        assert shares == sorted(shares) and shares[0] < shares[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weights=3.5b", ("weights", 3.5)),
        ("cycles=4000", ("cycles", 4000)),
        ("us=2.5", ("us", 2.5)),
    ],
)
def test_what_a_budget_says(text, expected):
    assert parse_budget(text) == expected


@pytest.mark.parametrize("text", ["cycles=0", "cycles=-3", "cycles=4k", "clocks=4000", "us="])
def test_what_no_budget_says(text):
    with pytest.raises(UserError):
        parse_budget(text)


def compiled(folder, budget, *more):
    assert snnc(["compile", str(MODEL), "-o", str(folder), *GIVEN, *more, "--budget", budget]) == 0
    return BuildFolder(folder)


def counted(build):
    """Clocks by the C program of the build, on the images that the budget was counted on."""
    images = np.load(CALIBRATION)["x"][: build.manifest["budget"]["images"]]
    return float(run_engine("c", build, images, trains=False).cycles.mean())


def test_a_budget_of_clocks_is_kept(tmp_path, capsys):
    build = compiled(tmp_path / "build", "cycles=3600", "--weight-bits", "4")
    budget = build.manifest["budget"]
    assert budget["before"] > 3600 >= budget["cycles"] == counted(build)
    steps = {layer["name"]: layer["steps"] for layer in budget["layers"]}
    assert min(steps.values()) < 4
    made = {layer["name"]: layer["steps"] for layer in build.manifest["layers"]}
    assert all(made[name] in (steps[name], None) for name in made)
    assert re.search(r"steps-of=\w+:\d", build.manifest["pipeline"])
    text = capsys.readouterr().out
    assert "narrower weights save nothing" in text and "clocks an image, counted in C" in text


def test_weights_from_ddr_are_narrowed(tmp_path, capsys):
    """With a slow DDR it is the weights that clocks go to, and trains stay."""
    target = tmp_path / "slow.toml"
    target.write_text(SLOW)
    words = ["--weight-bits", "8", "--weights", "stream", "--target", str(target)]
    build = compiled(tmp_path / "build", "us=33.4", *words)
    budget = build.manifest["budget"]
    assert budget["cycles"] <= 33.4 * 150 < budget["before"]
    assert budget["cycles"] == counted(build)
    assert min(layer["bits"] for layer in budget["layers"]) < 8
    assert {layer["steps"] for layer in budget["layers"]} == {4}
    assert build.tables.array.weight_bits < 8 and "bits-of=" in build.manifest["pipeline"]
    assert "shorter trains save nothing" in capsys.readouterr().out


def test_a_budget_that_is_kept_anyway_changes_nothing(tmp_path, capsys):
    build = compiled(tmp_path / "build", "cycles=1000000")
    assert build.manifest["budget"]["layers"] == [] and "-of=" not in build.manifest["pipeline"]
    assert "nothing is changed" in capsys.readouterr().out


def test_out_of_reach_says_what_can_be_reached(tmp_path):
    words = ["compile", str(MODEL), "-o", str(tmp_path / "build"), *GIVEN, "--weight-bits", "4"]
    with pytest.raises(UserError, match="out of reach") as caught:
        snnc([*words, "--budget", "cycles=100"])
    least = int(re.search(r"takes ([\d,]+) clocks", str(caught.value))[1].replace(",", ""))
    assert 1000 < least < 4000


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--batch", "2"], "--batch"),
        (["--steps-of", "conv1:2"], "--steps-of"),
        (["--maps", "ddr"], "--maps"),
    ],
)
def test_what_does_not_go_with_a_budget_of_clocks(option, named, tmp_path):
    words = ["compile", str(MODEL), "-o", str(tmp_path / "build"), *GIVEN, *option]
    with pytest.raises(UserError, match=named):
        snnc([*words, "--budget", "cycles=3000"])
