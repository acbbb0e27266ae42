"""The printed program's main: images from .npy files, options, and errors in one line."""

import io

import numpy as np
import pytest
from c_programs import SANITIZERS, build, example_module, needs_gcc, run, write_sources
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.backends.c import c_sources
from snnir.interpreters.pe import run_program
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.schedule.loading import Ddr

RNG = np.random.default_rng(9)
CONV = RNG.integers(-8, 8, (2, 3, 3))
DENSE = RNG.integers(-8, 8, (2, 2, 2, 2))
FRAMES = RNG.integers(0, 256, (300, 4, 4, 1)).astype(np.uint8)

pytestmark = needs_gcc


@pytest.fixture(scope="module")
def module():
    return example_module(CONV, DENSE)


@pytest.fixture(scope="module")
def program(module, tmp_path_factory):
    folder = write_sources(c_sources(module), tmp_path_factory.mktemp("main"))
    np.save(folder / "x.npy", FRAMES)
    return build(folder, *SANITIZERS, "-fopenmp")


@pytest.fixture
def images(program):
    return program.parent / "x.npy"


def test_predictions_clocks_and_potentials(module, program, images, tmp_path):
    want = run_program(module, FRAMES, count_cycles=True)
    result = run(program, images, "-o", tmp_path / "y.npy", "--layers")
    assert (result.returncode, result.stderr) == (0, "")
    written = np.load(tmp_path / "y.npy")
    assert written.dtype == np.int32
    np.testing.assert_array_equal(written, want.potentials)
    events = sum(want.events.values())
    lines = result.stdout.splitlines()
    for i in (0, 255, 256, 299):
        best = want.potentials[i].argmax()
        assert lines[i] == f"{i}: class {best}, {want.cycles[i]} clocks, {events[i]} events"
    clocks = want.layer_cycles["conv1"].sum()
    assert f"conv1: {clocks} clocks, {want.events['conv1'].sum()} events" in lines
    means = f"{want.cycles.mean():.1f} clocks each, {events.mean():.1f} events each"
    assert lines[-1] == f"300 images, {means}"


def test_part_of_the_images_without_clocks(program, images):
    result = run(program, "-n", "3", "--no-clocks", images)
    assert [line.split(",")[0].split(":")[0] for line in result.stdout.splitlines()] == [
        "0", "1", "2", "3 images"
    ]  # fmt: skip
    assert "clocks" not in result.stdout


def save(array, path, **options):
    np.save(path, array, **options)
    return path


def potentials(program, folder, *arguments):
    result = run(program, *arguments, "-o", folder / "y.npy", "--quiet")
    assert result.returncode == 0, result.stderr
    return np.load(folder / "y.npy")


def test_real_images_are_rounded_to_pixels(module, program, tmp_path):
    values = RNG.normal(0.5, 0.5, (20, 4, 4, 1)).astype(np.float32)
    values[0, 0, :2, 0] = np.nan, np.inf
    scale, zero = np.float32(0.25), np.float32(3)
    pixels = np.nan_to_num(np.clip(np.rint(values / scale + zero), 0, 255), nan=0)
    got = potentials(
        program, tmp_path, save(values, tmp_path / "x.npy"), "--scale", "0.25", "--zero", "3"
    )
    want = run_program(module, pixels.astype(np.uint8)).potentials
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions_and_shapes_of_npy(module, program, tmp_path, version):
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, FRAMES[:5].reshape(5, 16), version=version)
    want = run_program(module, FRAMES[:5]).potentials
    np.testing.assert_array_equal(potentials(program, tmp_path, tmp_path / "x.npy"), want)


def test_channels_first(program, images, tmp_path):
    """With one channel both orders are the same."""
    want = potentials(program, tmp_path, images)
    np.testing.assert_array_equal(potentials(program, tmp_path, images, "--chw"), want)


def npy(array, version=(1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), version=version)
    return stream.getvalue()


GOOD = npy(FRAMES[:2])
BROKEN = {
    "empty": (b"", "not a .npy file"),
    "a zip": (b"PK\3\4" + GOOD, "not a .npy file"),
    "cut in the header": (GOOD[:40], "not a .npy file"),
    "cut behind the magic": (GOOD[:8], "not a .npy file"),
    "a huge header": (GOOD[:8] + b"\xff\xff" + GOOD[10:], "not a .npy file"),
    "no shape": (GOOD.replace(b"'shape'", b"'shope'"), "damaged .npy header"),
    "no tuple": (GOOD.replace(b"(2, 4, 4, 1)", b"[2, 4, 4, 1)"), "damaged .npy header"),
    "endless tuple": (GOOD.replace(b"4, 4, 1), }", b"4, 4, 1     "), "damaged .npy header"),
    "negative": (GOOD.replace(b"(2, 4, 4, 1)", b"(2, 4,-4, 1)"), "damaged .npy header"),
    "overflowing": (
        GOOD.replace(b"(2, 4, 4, 1), }" + b" " * 20, b"(99999999999999999999,), }".ljust(35)),
        "damaged .npy header",
    ),
    "short": (GOOD[:-1], "the file is shorter than its header says"),
    "float64": (npy(FRAMES[:2] / 1.0), "the images must be uint8 or little-endian float32"),
    "big-endian": (
        npy(FRAMES[:2].astype(">f4")), "the images must be uint8 or little-endian float32",
    ),
    "Fortran order": (
        npy(np.asfortranarray(FRAMES[:2])),
        "the array is in Fortran order; save it with numpy.ascontiguousarray",
    ),
    "no image": (npy(FRAMES[:0]), "there are no images"),
    "other size": (npy(FRAMES[:2, :3]), "24 numbers are no whole number of images of 16"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_images(kind, program, tmp_path):
    content, message = BROKEN[kind]
    (tmp_path / "x.npy").write_bytes(content)
    result = run(program, tmp_path / "x.npy", "--quiet")
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path / 'x.npy'}: error: {message}\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["missing.npy"], 1, "missing.npy: error: cannot open the file"),
        (["x.npy", "-o", "missing/y.npy"], 1, "missing/y.npy: error: cannot write the file"),
        (["x.npy", "x.npy"], 2, "x.npy: error: only one file of images can be run"),
        (["--clocks"], 2, "--clocks: error: unknown option; see --help"),
        (["-n"], 2, "-n: error: needs a value"),
        (["-n", "3x", "x.npy"], 2, "3x: error: not a number of images"),
        (["-n", "0", "x.npy"], 2, "0: error: not a number of images"),
        (["--scale", "-1", "x.npy"], 2, "-1: error: not a positive number"),
        (["--zero", "a", "x.npy"], 2, "a: error: not a number"),
    ],
)
def test_wrong_arguments(arguments, status, message, program, monkeypatch):
    monkeypatch.chdir(program.parent)
    result = run(program, *arguments)
    assert (result.returncode, result.stderr) == (status, f"{message}\n")


def test_no_arguments(program):
    result = run(program)
    assert result.returncode == 2
    assert result.stderr.endswith("error: no file of images given; see --help\n")


def test_help(program):
    result = run(program, "--help")
    assert result.returncode == 0 and result.stderr == ""
    assert "4 x 4 pixels of 1 channel(s)" in result.stdout


@pytest.fixture(scope="module")
def streaming(tmp_path_factory):
    """A program that takes its weights from DDR, three images together, and eight images."""
    network = network_from_seed(9, images=8)
    TileToPePass(banks=4, channels=4, weights="stream").apply(Context(), network.module)
    EventSchedulePass(batch=3).apply(Context(), network.module)
    sources = c_sources(network.module, Ddr(50, 9))
    folder = write_sources(sources, tmp_path_factory.mktemp("streaming"))
    np.save(folder / "x.npy", network.frames)
    return network, build(folder, *SANITIZERS, "-fopenmp")


def test_a_batch_and_the_memory_of_its_weights(streaming):
    network, program = streaming
    want = run_program(network.module, network.frames, count_cycles=True, ddr=Ddr(30, 2))
    images = program.parent / "x.npy"
    result = run(program, images, "--ddr-latency", "30", "--ddr-rate", "2")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    events = sum(want.events.values())
    assert len(want.cycles) == 3 and len(lines) == 9
    for i in range(8):
        best, batch = want.potentials[i].argmax(), i // 3
        clocks = f"{want.cycles[batch]} clocks, {events[batch]} events in its batch"
        assert lines[i] == f"{i}: class {best}, {clocks}"
    assert lines[-1].startswith(f"8 images, {want.cycles.sum() / 8:.1f} clocks each")
    own = run_program(network.module, network.frames, count_cycles=True, ddr=Ddr(50, 9))
    line = run(program, images, "--quiet").stdout
    assert line.startswith(f"8 images, {own.cycles.sum() / 8:.1f} clocks each")
    assert line != lines[-1] + "\n"
    usage = run(program, "--help").stdout
    assert "first beat (50)" in usage and "1 to 256 (9)" in usage


@pytest.mark.parametrize(
    "option, value, part",
    [("--ddr-rate", "257", "beats, 1 to 256"), ("--ddr-latency", "0", "clocks, 1 to 1000000")],
)
def test_impossible_memories_are_refused(streaming, option, value, part):
    _, program = streaming
    result = run(program, option, value, program.parent / "x.npy")
    assert result.returncode == 2 and result.stdout == ""
    assert part in result.stderr and result.stderr.count("\n") == 1


def test_weights_on_the_chip_have_no_memory(program, images):
    result = run(program, "--ddr-rate", "20", images)
    assert result.returncode == 2 and "unknown option" in result.stderr
