"""Bits for each layer out of a budget: measured, kept to, recorded, and exact in every engine."""

import itertools
import json

import numpy as np
import pytest
from digits import CALIBRATION, EXAMPLES, MODEL, balanced, quantised
from xdsl.parser import Parser

from snnir.analysis.network import branches, layers
from snnir.calibration.sensitivity import Sensitivity, allot, recorded
from snnir.errors import UserError
from snnir.interpreters.snn import run_snn
from snnir.pipeline.plugins import make_context
from snnir.tools.snnc import run as snnc

WIDTHS = range(2, 9)


def digits(quantise: str):
    return quantised(balanced(), f"calibration={CALIBRATION} {quantise}")


def some_layers(seed: int) -> list[Sensitivity]:
    rng = np.random.default_rng(seed)
    sizes, errors = rng.integers(1, 1000, 4), rng.uniform(0.1, 50, 4)
    return [
        Sensitivity(str(i), int(n), {b: float(e) * 4.0**-b for b in WIDTHS})
        for i, (n, e) in enumerate(zip(sizes, errors, strict=True))
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mean_bits", [2, 2.7, 3.5, 5, 8])
def test_a_budget_is_kept_and_used(seed, mean_bits):
    found = some_layers(seed)
    total = sum(layer.weights for layer in found)

    def spent(bits):
        return sum(b * layer.weights for b, layer in zip(bits, found, strict=True))

    def error(bits):
        return sum(layer.errors[b] for b, layer in zip(bits, found, strict=True))

    bits = allot(found, mean_bits)
    assert spent(bits) <= mean_bits * total
    # No other choice within the budget is much better; equal bits for all may be far worse.
    allowed = (b for b in itertools.product(WIDTHS, repeat=4) if spent(b) <= mean_bits * total)
    assert error(bits) <= 2 * min(map(error, allowed))
    for i, b in enumerate(bits):
        wider = [*bits[:i], b + 1, *bits[i + 1 :]]
        assert b == 8 or spent(wider) > mean_bits * total


def test_layers_without_weights_are_left_alone():
    empty = Sensitivity("relay", 0, dict.fromkeys(WIDTHS, 0.0))
    assert allot([empty], 2.5) == [8]
    assert allot([empty, *some_layers(1)], 2)[1:] == [2] * 4


@pytest.mark.parametrize("mean_bits", [2.5, 4])
def test_network_within_a_budget(mean_bits):
    """Errors are recorded and fall with each bit; it is nearer to float than with equal bits."""
    module = digits(f"mean-bits={mean_bits}")
    found = recorded(module)
    spent = 0
    for layer, one in zip(layers(module), found, strict=True):
        widths = {s.weight_bits.value.data for s in branches(layer) if s.name != "snn.one_to_one"}
        assert len(widths) == 1
        spent += widths.pop() * one.weights
        errors = [one.errors[bits] for bits in WIDTHS]
        assert errors == sorted(errors, reverse=True) and errors[0] > 0.02 > errors[-1]
    assert 0.9 * mean_bits < spent / sum(one.weights for one in found) <= mean_bits
    # What is recorded is part of the program's text.
    text = str(module)
    again = Parser(make_context(), text).parse_module()
    assert [one.errors for one in recorded(again)] == [one.errors for one in found]


def test_a_budget_is_worth_its_bits():
    images = np.load(EXAMPLES / "digits_test.npz")["x"][:300]
    exact = run_snn(digits("weight-bits=8 rounding=mse"), images).outputs
    errors = [
        ((run_snn(digits(given), images).outputs - exact) ** 2).mean()
        for given in ("rounding=mse mean-bits=3", "rounding=mse weight-bits=3")
    ]
    assert errors[0] < errors[1]


def test_widest_is_a_limit():
    module = digits("weight-bits=4 mean-bits=3.9")
    synapses = [s for op in layers(module) for s in branches(op) if s.name != "snn.one_to_one"]
    assert {s.weight_bits.value.data for s in synapses} == {3, 4}


@pytest.mark.parametrize(
    "given, message",
    [
        ("weights=", "budget is 'weights='"),
        ("4", "budget is '4'"),
        ("clocks=1000", "for example weights=3.5b, cycles=400000 or us=2500"),
        ("weights=1.5b", "less than 2 bits"),
    ],
)
def test_bad_budgets(given, message, tmp_path):
    words = ["compile", str(MODEL), "-o", str(tmp_path / "b")]
    with pytest.raises(UserError, match=message):
        snnc([*words, "--calibration", str(CALIBRATION), "--budget", given])
    with pytest.raises(UserError, match="needs data"):
        snnc([*words, "--budget", "weights=4b"])


def test_command_prints_the_table(tmp_path, capsys):
    folder = str(tmp_path / "build")
    given = ["--calibration", str(CALIBRATION), "--input-scale", "0.0625", "--no-verilog"]
    words = ["compile", str(MODEL), "-o", folder, *given]
    assert snnc([*words, "--budget", "weights=3.5b"]) == 0
    text = capsys.readouterr().out
    assert "error 2b" in text and "bits a weight" in text
    assert snnc([*words, "--budget", "weights=3.5b", "--json"]) == 0
    budget = json.loads(capsys.readouterr().out)["budget"]
    assert budget["asked"] == "weights=3.5b" and 3 < budget["mean_bits"] <= 3.5
    assert len({layer["bits"] for layer in budget["layers"]}) > 1
    assert snnc(words) == 0 and "bits a weight" not in capsys.readouterr().out
