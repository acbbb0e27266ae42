"""The fast C: every train equal to the interpreter's, its warnings, its sanitizers, its threads."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_programs import SANITIZERS, WARNINGS, needs_gcc, schedule, write_sources
from random_networks import network_from_seed

from snnir.analysis.network import encode_of
from snnir.backends.c.fast import FAST_FILES, choice, fast_sources, plan
from snnir.errors import UserError
from snnir.interpreters.images import pixels_of
from snnir.interpreters.snn import run_snn
from snnir.runtime.fastmodel import FastEngine

pytestmark = needs_gcc

EXAMPLES = Path(__file__).parents[1] / "examples"
QUICK = ("-O1",)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def lists_and_small_chunks(monkeypatch, tiles=(16, 64, 128)):
    """Lists of events in whatever layer, cut as those of large layers are."""
    monkeypatch.setattr(choice, "dense_is_faster", lambda inputs, tile: False)
    monkeypatch.setattr(choice, "EVENT_TILES", tiles)
    monkeypatch.setattr(choice, "CHUNK_BYTES", 6 * tiles[0])
    monkeypatch.setattr(choice, "WHOLE_BYTES", 12 * tiles[0])


def kernels(module):
    return {s.kernel for layer in plan.Plan(module).layers for s in layer.synapses}


def assert_equal(module, images, frames, cache, options=QUICK):
    want = run_snn(module, images)
    engine = FastEngine(fast_sources(module), cache, options)
    got = engine.run(frames)
    assert set(got.trains) == set(want.trains)
    for label, trains in want.trains.items():
        np.testing.assert_array_equal(got.trains[label], trains, err_msg=label)
    np.testing.assert_array_equal(got.potentials, want.potentials.reshape(len(frames), -1))
    again = engine.run(frames, record=False)
    np.testing.assert_array_equal(again.potentials, got.potentials)
    assert again.trains == {}
    return got


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_equal_the_interpreter(seed, cache):
    net = network_from_seed(200 + seed, images=3)
    assert_equal(net.module, net.images, net.frames, cache)


@pytest.mark.parametrize("seed", range(9))
def test_random_networks_by_lists(seed, cache, monkeypatch):
    lists_and_small_chunks(monkeypatch, ((16, 64, 128), (64,), (128,))[seed % 3])
    net = network_from_seed(300 + seed, images=3)
    assert_equal(net.module, net.images, net.frames, cache)


def test_random_networks_reach_each_kernel(monkeypatch):
    found = set()
    for seed in range(60):
        found |= kernels(network_from_seed(seed).module)
    lists_and_small_chunks(monkeypatch)
    for seed in range(60):
        found |= kernels(network_from_seed(seed).module)
    assert found >= {"DOT", "DOT_PLANES", "PRODUCT", "CHAIN", "SPLIT", "ONE_PLANES", "ONE_VALUE"}


def lenet(coding, weight_bits, steps):
    pipeline = (
        f"simplify-onnx,fold-batchnorm,convert-onnx-to-snn{{coding={coding} timesteps={steps}}},"
        f"threshold-balance,quantise{{weight-bits={weight_bits}}}"
    )
    from snnir.frontend.onnx import import_model

    return schedule(import_model(EXAMPLES / "lenet5.onnx"), pipeline)


def images_for(module, number):
    c, h, w = encode_of(module).train.type.dims
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (number, c, h, w)) * (rng.random((number, c, h, w)) < 0.4)
    return pixels.astype(np.uint8)


@pytest.mark.parametrize(
    ("coding", "weight_bits", "steps", "expected"),
    [
        ("rate", 4, 8, {"DOT", "DOT_PLANES", "CHAIN"}),
        ("rate", 8, 8, {"DOT", "DOT_PLANES", "SPLIT"}),
        ("radix", 8, 4, {"DOT"}),
    ],
)
def test_lenet_on_this_machine(coding, weight_bits, steps, expected, cache):
    module = lenet(coding, weight_bits, steps)
    assert kernels(module) == expected
    images = images_for(module, 4)
    frames = np.ascontiguousarray(pixels_of(encode_of(module), images).transpose(0, 2, 3, 1))
    got = assert_equal(module, images, frames.astype(np.uint8), cache, FastEngine.OPTIONS)
    assert all(trains.any() for trains in got.trains.values())


def test_weights_that_no_byte_holds(cache, monkeypatch):
    """Where sums of 16 bits might overflow, 32 are taken."""
    lists_and_small_chunks(monkeypatch)
    monkeypatch.setattr(choice, "INT16", 20)
    net = next(net for net in map(network_from_seed, range(100)) if "SCALAR" in kernels(net.module))
    assert_equal(net.module, net.images, net.frames, cache)


def test_several_threads_are_as_one(cache):
    net = network_from_seed(203)
    engine = FastEngine(fast_sources(net.module), cache, ("-O1", "-fopenmp"))
    frames = np.random.default_rng(1).integers(0, 256, (90, *net.frames.shape[1:])).astype(np.uint8)
    frames //= 1 << (8 - encode_of(net.module).train.type.steps.data)
    many = engine.run(frames)
    engine.threads = 1
    one = engine.run(frames)
    np.testing.assert_array_equal(many.potentials, one.potentials)
    for label, trains in one.trains.items():
        np.testing.assert_array_equal(many.trains[label], trains)


MAIN = """
#include "fast.h"
#include <stdio.h>
static NAME_fast_state state;
int main(void)
{
    static uint8_t image[NAME_FAST_IMAGE];
    int32_t potentials[NAME_FAST_OUTPUTS];
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
        NAME_fast_run_batch(&state, 1, image, 1, potentials, NULL);
        if (fwrite(potentials, 1, sizeof potentials, stdout) != sizeof potentials)
            return 1;
    }
    return 0;
}
"""


@pytest.mark.parametrize("how", ["vectors", "plain"])
@pytest.mark.parametrize("seed", [1, 2, 6, 9])
def test_sanitizers(seed, how, tmp_path, monkeypatch):
    """Nothing is read or written out of place, with vectors and with loops alone."""
    if seed > 2:
        lists_and_small_chunks(monkeypatch, (64, 128))
    net = network_from_seed(seed, images=3)
    sources = fast_sources(net.module)
    name = plan.Plan(net.module).name
    main = MAIN.replace("NAME_FAST", f"{name.upper()}_FAST").replace("NAME", name)
    folder = write_sources(sources | {"main.c": main}, tmp_path)
    extra = (f"-D{name.upper()}_PLAIN",) if how == "plain" else ("-march=native",)
    command = ["gcc", *WARNINGS, *SANITIZERS, *extra, "-o", "run", "main.c"]
    command += [file for file in FAST_FILES if file.endswith(".c")]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run(
        [folder / "run"], input=net.frames.tobytes(), capture_output=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    want = run_snn(net.module, net.images).potentials.reshape(-1)
    np.testing.assert_array_equal(np.frombuffer(ran.stdout, np.int32), want)


def test_what_it_is_not_given(cache):
    net = network_from_seed(1)
    engine = FastEngine(fast_sources(net.module), cache, ("-O1",))
    with pytest.raises(UserError, match="frames are uint8 of shape"):
        engine.run(net.frames[:, :-1])
    with pytest.raises(UserError, match="lacks fast.c"):
        FastEngine({"fast.h": "", "fast_weights.c": ""}, cache)
    with pytest.raises(UserError, match="cannot read"):
        FastEngine.from_folder(cache / "nothing", cache)
