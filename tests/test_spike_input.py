"""Spikes as input: the words that come in are trains, in every engine and for every network."""

import json
from pathlib import Path

import numpy as np
import pytest
from c_programs import needs_gcc, schedule
from random_networks import RandomNetwork, _Maker, seeded_pick

from snnir.backends.c.fast import fast_sources
from snnir.errors import UserError
from snnir.interpreters.pe import program_of
from snnir.interpreters.snn import run_snn
from snnir.passes.convert_onnx_to_snn import ConvertOnnxToSnnPass
from snnir.runtime import verilator
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.compare import compare
from snnir.runtime.encode import encode_frames, real_inputs
from snnir.runtime.engine import EngineResult
from snnir.runtime.engines import run_engine
from snnir.runtime.fastmodel import FastEngine
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.reading import read_program
from snnir.tools import snnc
from snnir.tools.errors import run_tool

EXAMPLES = Path(__file__).parent.parent / "examples"

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")


class SpikeNetwork(RandomNetwork):
    """A random network whose input is trains of as many steps as its layers have."""

    @property
    def images(self) -> np.ndarray:
        return np.ascontiguousarray(self.frames.transpose(0, 3, 1, 2))


class _SpikeMaker(_Maker):
    encode = _Maker.encode_spikes


def spike_network(seed: int, images: int = 3) -> SpikeNetwork:
    """A network of rate-coded neurons, of at most 8 steps."""
    pick = seeded_pick(seed)
    while True:
        maker = _SpikeMaker(pick, images)
        if maker.choice.coding == "rate" and maker.steps <= 8:
            return SpikeNetwork(**vars(maker.make()))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def by_hand(net: SpikeNetwork) -> EngineResult:
    """What the integer reference says, which is asked before the network becomes a program."""
    want = run_snn(net.module, net.images)
    assert np.array_equal(want.trains["input"], net.images)
    return EngineResult(want.potentials.reshape(len(net.frames), -1).astype(np.int64), want.trains)


@needs_gcc
@pytest.mark.parametrize("seed", range(6))
def test_random_networks_of_spikes_are_equal_in_c(seed, cache):
    net = spike_network(seed)
    results = {"interp": by_hand(net)}
    results["fast"] = FastEngine(fast_sources(net.module), cache, ("-O1",)).run(net.frames)
    module = schedule(net.module, net.pipeline)
    results["c"] = CEngine.from_module(module, cache, ("-O1",)).run(net.frames)
    found = compare(results, read_program(program_of(module)))
    assert found.equal, found.difference
    assert {layer.kind for layer in found.layers} >= {"pixels", "potentials"}


@needs_verilator
def test_a_random_network_of_spikes_is_equal_in_verilog(tmp_path):
    net = spike_network(100, images=2)
    results = {"interp": by_hand(net)}
    module = schedule(net.module, net.pipeline)
    results["c"] = CEngine.from_module(module, tmp_path, ("-O1",)).run(net.frames)
    results["rtl"] = RtlEngine.from_module(module, tmp_path).run(net.frames)
    found = compare(results, read_program(program_of(module)))
    assert found.equal, found.difference
    assert np.array_equal(results["rtl"].cycles, results["c"].cycles)


# A compiled network -------------------------------------------------------------------------------


def spikes_of(images: np.ndarray, steps: int, seed: int = 0) -> np.ndarray:
    """Poisson-like trains of images of 0 to 16."""
    rng = np.random.default_rng(seed)
    words = np.zeros(images.shape, np.uint8)
    for _ in range(steps):
        words = words << 1 | (rng.random(images.shape) < images / 16)
    return words


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The digits network for trains of 6 steps, and samples beside it."""
    folder = tmp_path_factory.mktemp("spikes")
    data = np.load(EXAMPLES / "digits_test.npz")
    np.savez(folder / "x.npz", x=spikes_of(data["x"][:200], 6), y=data["y"][:200])
    words = ["compile", EXAMPLES / "digits.onnx", "-o", folder / "build", "--coding", "rate"]
    words += ["--timesteps", "6", "--input-coding", "spikes", "--calibration", folder / "x.npz"]
    assert run_tool(snnc.run, [*map(str, words), "--array", "4,8,6,2", "--no-verilog"]) == 0
    return folder


def test_digits_of_spikes(built, capsys):
    words = ["run", built / "build", "--input", built / "x.npz", "--json"]
    capsys.readouterr()
    assert run_tool(snnc.run, list(map(str, words))) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] > 0.93 and found["float_accuracy"] > 0.93
    assert abs(found["accuracy"] - found["float_accuracy"]) < 0.04
    words = ["verify", built / "build", "--input", built / "x.npz", "--limit", "5", "--json"]
    assert run_tool(snnc.run, [*map(str, words), "--engines", "interp,c,fast"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"]
    words = ["report", built / "build", "--input", built / "x.npz", "--limit", "4", "--energy"]
    assert run_tool(snnc.run, [*map(str, words), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["input"]["coding"] == "rate"
    spikes = np.bitwise_count(np.load(built / "x.npz")["x"][:4]).sum() / 4
    assert found["input"]["spikes"] == spikes
    # Nothing multiplies: the first layer is like the others.
    assert all(row["first_pj"] == 0 for row in found["energy"]["ace_snn"])


def test_a_spike_acts_in_its_own_step(built):
    """A neuron that fires while it integrates cannot fire before its first spike has come."""
    build = BuildFolder(built / "build")
    early = np.full((1, 1, 8, 8), 0b111000, np.uint8)
    late = np.full((1, 1, 8, 8), 0b000111, np.uint8)
    silent = np.zeros((1, 1, 8, 8), np.uint8)
    found = run_engine("c", build, np.concatenate([early, late, silent]), trains=True).trains
    assert np.array_equal(found["input"][:, 0, 0, 0], [0b111000, 0b000111, 0])
    # Until step 3 the late image is as good as none.
    assert np.array_equal(found["conv1"][1] >> 3, found["conv1"][2] >> 3)
    assert not np.array_equal(found["conv1"][0] >> 3, found["conv1"][2] >> 3)


def test_what_the_float_network_sees(built):
    given = BuildFolder(built / "build").manifest["input"]
    assert (given["coding"], given["bits"], given["scale"]) == ("rate", 6, [1.0])
    words = np.zeros((1, 1, 8, 8), np.uint8)
    words[0, 0, 2, 3], words[0, 0, 7, 7] = 0b101010, 0b111111
    real = real_inputs(given, words)
    assert real[0, 0, 2, 3] == np.float32(0.5) and real[0, 0, 7, 7] == 1 and real.sum() == 1.5
    assert np.array_equal(encode_frames(given, words)[:, :, :, 0], words[:, 0])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (np.full((2, 1, 8, 8), 64, np.uint8), "words of 6 steps as uint8 below 64"),
        (np.zeros((2, 1, 8, 8), np.float32), "make them with snnc events"),
    ],
)
def test_what_is_no_spikes(built, tmp_path, words, message, capsys):
    np.savez(tmp_path / "x.npz", x=words)
    for engine in ("c", "interp", "fast"):
        line = ["run", built / "build", "--input", tmp_path / "x.npz", "--engine", engine]
        assert run_tool(snnc.run, list(map(str, line))) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coding": "radix"}, "needs rate-coded neurons"),
        ({"coding": "rate", "timesteps": 9}, "9 steps, at most 8 fit a byte"),
        ({"coding": "rate", "input_mean": 0.5}, "no meaning for an input of spikes"),
        ({"coding": "rate", "input_std": 0.5}, "no meaning for an input of spikes"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(UserError, match=message):
        ConvertOnnxToSnnPass(input_coding="spikes", **options)


def test_diagnosis_of_a_network_of_spikes(built, tmp_path, capsys):
    words = ["diagnose", built / "build", "--input", built / "x.npz", "--limit", "20"]
    capsys.readouterr()
    assert run_tool(snnc.run, [*map(str, words), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["layer"] for row in found["layers"]] == ["conv1", "add1", "conv3", "logits"]
    # Taken apart and put together again it is the network that runs.
    data = np.load(built / "x.npz")
    ran = run_engine("interp", BuildFolder(built / "build"), data["x"][:20], trains=False)
    right = (ran.potentials.argmax(1) == data["y"][:20]).mean()
    assert found["compiled"]["accuracy"] == pytest.approx(right)
    assert run_tool(snnc.run, [*map(str, words), "--plots", str(tmp_path / "plots")]) == 1
    assert "no accuracy by timesteps" in capsys.readouterr().err
    assert not (tmp_path / "plots").exists()


def test_too_few_planes(built, tmp_path, capsys):
    words = ["compile", EXAMPLES / "digits.onnx", "-o", tmp_path / "out", "--coding", "rate"]
    words += ["--timesteps", "6", "--input-coding", "spikes", "--calibration", built / "x.npz"]
    assert run_tool(snnc.run, [*map(str, words), "--array", "4,8,4,2", "--no-verilog"]) == 1
    assert "planes=4 is less than the 6 steps" in capsys.readouterr().err
