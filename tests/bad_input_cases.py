"""Kinds of broken input and the command that meets each: for test_bad_input.py and docs/errors.md.

A case makes its files in the current folder and gives the command line. `expected` are parts of the
one line that the user must see: what is wrong, where, and what to do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnx import TensorProto, external_data_helper, helper, numpy_helper, save_model

from snnir.tools.errors import run_tool

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Case:
    """A kind of broken input.

    Args:
        prepare: makes the files in the current folder.
        command: words behind the tool's name.
        quotes: whether the line quotes a library, whose words change with its version.
    """

    kind: str
    command: str
    expected: tuple[str, ...]
    prepare: Callable[[], None]
    tool: str = "snnc"
    quotes: bool = False

    @property
    def name(self) -> str:
        return self.kind.replace(" ", "-").replace(",", "")


def run_case(case: Case) -> int:
    """Run a case's command in the current folder, in this process; its exit status."""
    from snnir.tools import snn_opt, snnc

    tool = {"snnc": snnc.run, "snn-opt": snn_opt.run}[case.tool]
    return run_tool(tool, case.command.split())


CASES: list[Case] = []


def line_of(errors: str) -> str:
    """The one line among what came on stderr, without warnings and the current folder."""
    lines = [line for line in errors.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, errors
    return lines[0].replace(os.path.realpath(".") + os.sep, "")


def row_of(case: Case, line: str) -> str:
    """The row of docs/errors.md."""
    line = line.replace("|", "\\|")
    return f"| {case.kind} | `{case.tool} {case.command}` | `{line}` |\n"


def case(kind: str, command: str, *expected: str, tool: str = "snnc", quotes: bool = False):
    """Register the function below as the preparation of a case."""

    def register(prepare: Callable[[], None]) -> Callable[[], None]:
        CASES.append(Case(kind, command, expected, prepare, tool, quotes))
        return prepare

    return register


# Models ------------------------------------------------------------------------------------------

COMPILE = "compile model.onnx -o out"


def digits() -> bytes:
    return (EXAMPLES / "digits.onnx").read_bytes()


def write_model(nodes, weights=(), shape=(1, 1, 4, 4), domains=(), **changes) -> None:
    """A model.onnx of the given nodes from `x` to `y`, without any check."""
    inputs = changes.get("inputs") or [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    ]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(a, np.float32), n) for n, a in weights]
    graph = helper.make_graph(nodes, "net", inputs, [result], tensors)
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(d, 1) for d in domains)]
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), "model.onnx")


def conv(source: str, weights: str, result: str):
    return helper.make_node("Conv", [source, weights], [result], name=result)


def node(op: str, sources: list[str], result: str, **attributes):
    return helper.make_node(op, sources, [result], name=result, **attributes)


KERNEL = np.ones((1, 1, 3, 3))


@case("missing model", "compile nowhere.onnx -o out", "nowhere.onnx", "No such file")
def _() -> None:
    pass


@case("empty model file", COMPILE, "model.onnx", "empty")
def _() -> None:
    Path("model.onnx").touch()


@case("truncated model", COMPILE, "model.onnx", "not", "again")
def _() -> None:
    Path("model.onnx").write_bytes(digits()[:9000])


@case("text instead of a model", COMPILE, "model.onnx", "ONNX", "text file")
def _() -> None:
    Path("model.onnx").write_text('{"layers": []}')


@case("PyTorch checkpoint", COMPILE, "model.onnx", "ONNX", "torch.onnx.export")
def _() -> None:
    Path("model.onnx").write_bytes(b"PK\x03\x04" + bytes(100))


@case("folder instead of a model", "compile model.onnx -o out", "model.onnx", "directory")
def _() -> None:
    Path("model.onnx").mkdir()


@case("unsupported operator", COMPILE, "'act' (Sigmoid)", "not supported", "Relu")
def _() -> None:
    write_model([conv("x", "w", "c"), node("Sigmoid", ["c"], "act"), node("Relu", ["act"], "y")],
                [("w", KERNEL)])  # fmt: skip


@case("operator of a custom domain", COMPILE, "'y' (Wobble)", "acme", "standard ONNX")
def _() -> None:
    write_model([node("Wobble", ["x"], "y", domain="acme")], domains=["acme"])


@case("misspelt operator", COMPILE, "'y' (Conv2d)", "not supported", "did you mean Conv?")
def _() -> None:
    write_model([node("Conv2d", ["x"], "y")])


@case("dynamic image size", COMPILE, "model.onnx", "'x'", "fixed")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", KERNEL)], shape=(1, 1, "height", "width"))


@case("NaN in weights", COMPILE, "'w'", "NaN", "model")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", KERNEL * np.nan)])


@case("infinite bias", COMPILE, "'b'", "infinit", "model")
def _() -> None:
    write_model([node("Conv", ["x", "w", "b"], "y")], [("w", KERNEL), ("b", [np.inf])])


@case("two layers without a Relu between them", COMPILE, "'y' (Conv)", "'a'", "Relu")
def _() -> None:
    write_model(
        [conv("x", "w", "a"), conv("a", "v", "y")], [("w", KERNEL), ("v", KERNEL[..., :1, :1])]
    )


@case("weights that do not fit", COMPILE, "'y' (Conv)", "channels", "again")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", np.ones((1, 3, 3, 3)))])


@case("tensor that nothing defines", COMPILE, "'y' (Conv)", "'w'", "export")
def _() -> None:
    write_model([conv("x", "w", "y")])


@case("two inputs", COMPILE, "model.onnx", "inputs")
def _() -> None:
    both = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 4, 4]) for n in "xz"]
    write_model([node("Add", ["x", "z"], "y")], inputs=both)


@case("weights in a file that is missing", COMPILE, "model.onnx", "weights.bin", quotes=True)
def _() -> None:
    import onnx

    model = onnx.load_from_string(digits())
    for tensor in model.graph.initializer:
        external_data_helper.set_external_data(tensor, "weights.bin")
        tensor.ClearField("raw_data")
    Path("model.onnx").write_bytes(model.SerializeToString())


# Calibration data --------------------------------------------------------------------------------

CALIBRATE = "compile model.onnx -o out --calibration data.npz"


def with_digits(**arrays) -> None:
    """The shipped model, and data.npz with the given arrays."""
    Path("model.onnx").write_bytes(digits())
    if arrays:
        np.savez("data.npz", **arrays)


@case("missing calibration data", CALIBRATE, "data.npz", "No such file")
def _() -> None:
    with_digits()


@case("not an .npz file", CALIBRATE, "data.npz", "not an .npz", "numpy.savez")
def _() -> None:
    with_digits()
    np.save("data.npy", np.zeros(3))
    Path("data.npy").rename("data.npz")


@case("truncated .npz file", CALIBRATE, "data.npz", "archive", "numpy.savez", quotes=True)
def _() -> None:
    with_digits(x=np.zeros((9, 1, 8, 8), np.float32))
    Path("data.npz").write_bytes(Path("data.npz").read_bytes()[:500])


@case("no array x", CALIBRATE, "data.npz", "no array 'x'", "images", "numpy.savez")
def _() -> None:
    with_digits(images=np.zeros((9, 1, 8, 8), np.float32))


@case("calibration images of another size", CALIBRATE, "data.npz", "1x9x9", "1x8x8", "(N, 1, 8, 8)")
def _() -> None:
    with_digits(x=np.zeros((9, 1, 9, 9), np.float32))


@case("channels last", "compile model.onnx -o out --calibration data.npz", "data.npz", "moveaxis")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", np.ones((1, 3, 3, 3)))], shape=(1, 3, 4, 4))
    np.savez("data.npz", x=np.zeros((9, 4, 4, 3), np.uint8))


@case("NaN in calibration images", CALIBRATE, "data.npz", "NaN", "sample 4", "remove")
def _() -> None:
    x = np.zeros((9, 1, 8, 8), np.float32)
    x[4, 0, 2, 2] = np.nan
    with_digits(x=x)


@case("no calibration images", CALIBRATE, "data.npz", "no samples", "numpy.savez")
def _() -> None:
    with_digits(x=np.zeros((0, 1, 8, 8), np.float32))


@case(
    "Python objects instead of arrays",
    CALIBRATE,
    "data.npz",
    "plain arrays",
    "numpy.savez",
    quotes=True,
)
def _() -> None:
    with_digits(x=np.array([{"a": 1}, None], object))


@case("images of integers that are no pixels", CALIBRATE, "data.npz", "int64", "uint8")
def _() -> None:
    with_digits(x=np.zeros((9, 1, 8, 8), np.int64))


# Options -----------------------------------------------------------------------------------------


@case("too many time steps", f"{COMPILE} --timesteps 17", "--timesteps", "1 to 16", "'17'")
def _() -> None:
    with_digits()


@case("steps of no layer", f"{COMPILE} --steps-of nowhere:3", "steps-of", "'nowhere'", "layers are")
def _() -> None:
    with_digits()


@case("bits of a layer, without a number", f"{COMPILE} --bits-of conv1", "--bits-of", "LAYER:N")
def _() -> None:
    with_digits()


@case(
    "budget of no time", f"{COMPILE} --calibration c.npz --budget cycles=0", "cycles=0", "no time"
)
def _() -> None:
    with_digits()


@case("weights of one bit", f"{COMPILE} --weight-bits 1", "--weight-bits", "2 to 8", "'1'")
def _() -> None:
    with_digits()


@case("unknown coding", f"{COMPILE} --coding radicle", "--coding", "'radicle'", "radix")
def _() -> None:
    with_digits()


@case("unknown neuron", f"{COMPILE} --neuron hodgkin", "no neuron is called 'hodgkin'", "lif")
def _() -> None:
    with_digits()


@case(
    "neuron that divides",
    f"{COMPILE} --neuron own.neuron",
    "own.neuron:3:11: error", "does not divide", "shift with >>",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("own.neuron").write_text(
        "neuron own(theta):\n    state v = 0\n    v = v / 2 + I\n    spike when v >= theta\n"
    )


@case(
    "a value from which another is computed",
    f"{COMPILE} --neuron own.neuron --neuron-values gap=2",
    "'wait' is computed from 'gap' and keeps its value", "give 'wait' as well",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("own.neuron").write_text(
        "neuron own(theta, gap = 1, wait = gap * theta):\n    state v = 0\n    v = v + I\n"
        "    spike when v >= theta + wait\n"
    )


@case(
    "values that the neuron does not take",
    f"{COMPILE} --neuron alif --neuron-values slope=2",
    "@alif has no parameter or option 'slope'", "it has leak, recovery, strength",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "neuron of a layer that there is not",
    f"{COMPILE} --neuron conv9=alif",
    "no layer 'conv9' fires", "the layers that do are conv1, add1, conv3",
)  # fmt: skip
def _() -> None:
    with_digits()


@case("neuron options without effect", f"{COMPILE} --reset hard", "--reset", "rate", "leave it out")
def _() -> None:
    with_digits()


@case(
    "reset that contradicts the emission",
    f"{COMPILE} --coding rate --emission after --reset hard",
    "convert-onnx-to-snn", "emission=after needs reset=soft", "fires once",
)  # fmt: skip
def _() -> None:
    with_digits()


@case("input scale of zero", f"{COMPILE} --input-scale 0", "--input-scale", "above 0", "'0'")
def _() -> None:
    with_digits()


@case("mean of too many channels", f"{COMPILE} --mean .1,.2,.3", "mean", "3 values", "give 1")
def _() -> None:
    with_digits()


@case("banks that are no power of two", f"{COMPILE} --array 6,16,4", "--array", "power of two", "6")
def _() -> None:
    with_digits()


@case(
    "fewer planes than time steps", f"{COMPILE} --array 8,16,2 --input-scale 1",
    "planes=2", "4 steps", "planes=4",
)  # fmt: skip
def _() -> None:
    with_digits(x=np.full((9, 1, 8, 8), 5, np.uint8))


@case("unknown target", f"{COMPILE} --target pinq-z2", "'pinq-z2'", "did you mean 'pynq-z2'?")
def _() -> None:
    with_digits()


@case(
    "broken target file",
    f"{COMPILE} --target small.toml",
    "small.toml",
    "not a TOML file",
    quotes=True,
)
def _() -> None:
    with_digits()
    Path("small.toml").write_text("name = ")


TARGET = """\
name = "small"
part = "none"
lut = 20000
ff = 40000
bram36 = 2
dsp = 0
clock_mhz = 100
ddr_gbps = 0
lut_share = 0.8
max_operations = 1024
max_banks = 16
"""


@case(
    "target file without a field",
    f"{COMPILE} --target small.toml",
    "small.toml",
    "'lut'",
    "missing",
)
def _() -> None:
    with_digits()
    Path("small.toml").write_text(TARGET.replace("lut = 20000\n", ""))


@case(
    "network too large for the target",
    "compile model.onnx -o out --target small.toml --calibration data.npz",
    "small", "BRAM36", "too many", "larger target",
)  # fmt: skip
def _() -> None:
    with_digits(x=np.full((9, 1, 8, 8), 5, np.uint8))
    Path("small.toml").write_text(TARGET)


@case(
    "weights that alone exceed the target",
    f"{COMPILE} --target small.toml --weights onchip",
    "model.onnx", "4,956 weights of 8 bits", "BRAM36", "--weight-bits",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("small.toml").write_text(TARGET.replace("bram36 = 2", "bram36 = 1"))


@case("misspelt option", f"{COMPILE} --timestep 4", "--timestep", "did you mean '--timesteps'?")
def _() -> None:
    with_digits()


@case("misspelt command", "comple model.onnx", "'comple'", "did you mean 'compile'?")
def _() -> None:
    pass


@case("no output folder named", "compile model.onnx", "-o", "required", "--help")
def _() -> None:
    with_digits()


# Output ------------------------------------------------------------------------------------------


@case(
    "output folder with other files in it", COMPILE, "out", "neither empty nor a build folder", "-o"
)
def _() -> None:
    with_digits()
    Path("out").mkdir()
    Path("out/thesis.tex").touch()


@case(
    "build folder with a foreign file in it",
    "compile model.onnx -o build",
    "build",
    "'notes.txt'",
    "-o",
)
def _() -> None:
    with_digits()
    build()
    Path("build/notes.txt").touch()


@case("output that is a file", COMPILE, "out", "not a folder", "-o")
def _() -> None:
    with_digits()
    Path("out").touch()


@case(
    "output below a file",
    "compile model.onnx -o model.onnx/out",
    "model.onnx/out",
    "cannot write",
    "-o",
)
def _() -> None:
    with_digits()


# Build folders -----------------------------------------------------------------------------------

RUN = "run build --input data.npz"


@cache
def _digits(*options: str) -> TemporaryDirectory:
    """The shipped network's build folder, which is there until the process ends."""
    folder = TemporaryDirectory(prefix="snnir-build-")
    command = [
        "compile", str(EXAMPLES / "digits.onnx"), "-o", folder.name, "--no-verilog", *options,
        "--calibration", str(EXAMPLES / "digits_calibration.npz"), "--input-scale", "1/16",
    ]  # fmt: skip
    from snnir.tools.snnc import run

    with redirect_stdout(StringIO()):
        assert run(command) == 0
    return folder


def with_machine(change: Callable[[str], str]) -> None:
    """A machine.json, changed."""
    options = ("--reconfigurable", "--array", "4,8,4", "--weight-bits", "4")
    machine = Path(_digits(*options).name) / "machine.json"
    Path("machine.json").write_text(change(machine.read_text()))


def build(**arrays) -> None:
    """A good build folder, and data.npz."""
    shutil.copytree(_digits().name, "build")
    np.savez("data.npz", **(arrays or {"x": np.full((2, 1, 8, 8), 5, np.uint8)}))


@case("missing build folder", RUN, "build", "no such build folder", "snnc compile")
def _() -> None:
    pass


@case("folder that is no build folder", RUN, "build", "not a build folder", "snnc compile")
def _() -> None:
    Path("build").mkdir()


@case("changed file in a build folder", RUN, "build/c/model.c", "changed", "compile it again")
def _() -> None:
    build()
    with open("build/c/model.c", "a") as file:
        file.write("/* mine */\n")


@case("missing file in a build folder", "report build", "build", "model.onnx is missing", "again")
def _() -> None:
    build()
    Path("build/model.onnx").unlink()


EVENTS = "events rec.npz -o x.npz --size 2x4x4 --timesteps 4"


def with_recording(**changed) -> None:
    """A recording of three events, changed."""
    arrays = {"x": [0, 1, 3], "y": [0, 2, 3], "t": [5, 6, 9], "p": [0, 1, 1]} | changed
    np.savez("rec.npz", **{name: np.array(a) for name, a in arrays.items() if a is not None})


@case("missing recording", EVENTS, "rec.npz", "No such file")
def _() -> None:
    pass


@case("recording without times", EVENTS, "rec.npz", "'t'", "x, y, t and p")
def _() -> None:
    with_recording(t=None)


@case("event outside the sensor", EVENTS, "rec.npz", "x = 7, y = 2", "4 x 4")
def _() -> None:
    with_recording(x=[0, 7, 3])


@case("times that are no whole numbers", EVENTS, "rec.npz", "'t'", "whole numbers")
def _() -> None:
    with_recording(t=[0.5, 1.0, 2.0])


@case("recording for a network of pixels", "run build --events rec.npz", "build", "spikes")
def _() -> None:
    build()
    with_recording()


@case("neither inputs nor a recording", "run build", "--input X.npz", "--events FILE")
def _() -> None:
    build()


ENERGY = "report build --energy --technology mine.toml"


def with_technology(old: str, new: str) -> None:
    """A build folder, and a technology file that is a changed copy of a shipped one."""
    import snnir.targets

    folder = Path(snnir.targets.__file__).parent / "technologies"
    build()
    Path("mine.toml").write_text((folder / "cmos_45nm.toml").read_text().replace(old, new, 1))


@case("unknown technology", "report build --energy --technology cmos", "'cmos'", "cmos-45nm")
def _() -> None:
    build()


@case("missing technology file", ENERGY, "mine.toml", "No such file", "cmos-45nm")
def _() -> None:
    build()


@case("unknown key in a technology file", ENERGY, "mine.toml", "'ofchip'", "'off_chip'?")
def _() -> None:
    with_technology("[off_chip]", "[ofchip]")


@case("negative constant in a technology file", ENERGY, "mine.toml", "'bits.8' is -0.2")
def _() -> None:
    with_technology("8 = 0.2", "8 = -0.2")


@case("constant without a unit", ENERGY, "mine.toml", "[float_add]", "'unit' is missing")
def _() -> None:
    with_technology('32 = 0.9 }\nunit = "pJ"', "32 = 0.9 }")


@case("constant without a source", ENERGY, "mine.toml", "[feature]", "'source' is missing")
def _() -> None:
    with_technology('source = "both', '# "both')


@case(
    "technology without energy", "report build --technology cmos-45nm", "--technology", "--energy"
)
def _() -> None:
    build()


@case("truncated manifest", RUN, "build/manifest.json", "damaged", "compile it again")
def _() -> None:
    build()
    manifest = Path("build/manifest.json")
    manifest.write_text(manifest.read_text()[:700])


@case("edited manifest", RUN, "build/manifest.json", "changed", "compile it again")
def _() -> None:
    build()
    manifest = Path("build/manifest.json")
    manifest.write_text(manifest.read_text().replace('"planes": 4', '"planes": 5'))


@case("build folder of another version", RUN, "build", "snnir 0.0.1", "compile it again")
def _() -> None:
    from snnir import __version__

    build()
    manifest = Path("build/manifest.json")
    manifest.write_text(manifest.read_text().replace(f'"{__version__}"', '"0.0.1"'))


@case("images of another size", RUN, "data.npz", "3x8x8", "1x8x8", "(N, 1, 8, 8)")
def _() -> None:
    build(x=np.zeros((2, 3, 8, 8), np.uint8))


@case("label beyond the outputs", RUN, "data.npz", "label 10", "10 outputs", "from 0")
def _() -> None:
    build(x=np.zeros((2, 1, 8, 8), np.uint8), y=np.array([3, 10]))


@case(
    "fewer labels than images",
    RUN,
    "data.npz",
    "y has shape (1,)",
    "2 samples",
    "one integer label",
)
def _() -> None:
    build(x=np.zeros((2, 1, 8, 8), np.uint8), y=np.array([3]))


@case("limit of nothing", f"{RUN} --limit 0", "--limit", "1 or more", "'0'")
def _() -> None:
    build()


@case(
    "one engine to compare", "verify build --input data.npz --engines c",
    "--engines", "two or more", "interp, c, rtl",
)  # fmt: skip
def _() -> None:
    build()


@case(
    "Verilog where there is none", "verify build --input data.npz --engines c,rtl",
    "build", "no Verilog", "without --no-verilog",
)  # fmt: skip
def _() -> None:
    build()


@case(
    "memory of weights that are on the chip", f"{RUN} --ddr-rate 1",
    "--ddr-rate", "no effect", "build",
)  # fmt: skip
def _() -> None:
    build()


@case("memory without latency", f"{RUN} --ddr-latency 0", "--ddr-latency", "1 to 1000000", "'0'")
def _() -> None:
    build()


@case(
    "memory that is too slow", "run stream --input data.npz --ddr-rate 0.001", "0.001 GB/s", "use"
)
def _() -> None:
    build()
    command = [
        "compile", str(EXAMPLES / "digits.onnx"), "-o", "stream", "--no-verilog", "--weights",
        "stream", "--calibration", str(EXAMPLES / "digits_calibration.npz"),
    ]  # fmt: skip
    from snnir.tools.snnc import run

    with redirect_stdout(StringIO()):
        assert run(command) == 0


@case(
    "pauses of a memory without Verilog",
    "verify build --input data.npz --engines interp,c --ddr-pauses 3",
    "--ddr-pauses", "no effect",
)  # fmt: skip
def _() -> None:
    build()


@case("batch of too many images", f"{COMPILE} --batch 9", "--batch", "1 to 8", "'9'")
def _() -> None:
    with_digits()


@case(
    "batch of weights on the chip", f"{COMPILE} --weights onchip --batch 4",
    "batch=4", "kept on the chip", "weights=stream",
)  # fmt: skip
def _() -> None:
    with_digits()


# The search --------------------------------------------------------------------------------------

EXPLORE = "explore model.onnx --cache .cache --workers 1 --timesteps 4 --weight-bits 4"


@case(
    "searched banks that are no power of two",
    f"{EXPLORE} --banks 4,6",
    "--banks",
    "powers of two",
    "'6'",
)
def _() -> None:
    with_digits()


@case("workers that are neither", f"{EXPLORE} --workers many", "--workers", "tcp://host:8786")
def _() -> None:
    with_digits()


@case("plot of another kind", f"{EXPLORE} --plot front.png", "--plot", "name a .svg file")
def _() -> None:
    with_digits()


@case(
    "labels that the searched network does not have", f"{EXPLORE} --data data.npz",
    "data.npz", "the label 12", "10 outputs",
)  # fmt: skip
def _() -> None:
    with_digits()
    np.savez("data.npz", x=np.zeros((2, 1, 8, 8), np.uint8), y=np.array([3, 12]))


@case("search of what is not supported", EXPLORE, "'act' (Sigmoid)", "not supported", "Relu")
def _() -> None:
    write_model([conv("x", "w", "c"), node("Sigmoid", ["c"], "act"), node("Relu", ["act"], "y")],
                [("w", KERNEL)])  # fmt: skip


@case("accuracy without labels", f"{EXPLORE} --min-accuracy 0.9", "--min-accuracy", "no labels")
def _() -> None:
    with_digits()


@case("search of no room", f"{EXPLORE} --max-luts 50 --input-scale 1/16", "50 LUTs", "designs")
def _() -> None:
    with_digits()


# The pass tool -----------------------------------------------------------------------------------


@case(
    "machine file that is none",
    f"{COMPILE} --array model.json", "model.json", "no machine file", "--reconfigurable",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("model.json").write_text('{"layers": []}')


@case("missing machine file", f"{COMPILE} --array nowhere.json", "nowhere.json", "No such file")
def _() -> None:
    with_digits()


@case(
    "changed machine file", f"{COMPILE} --array machine.json",
    "machine.json", "changed", "identity",
)  # fmt: skip
def _() -> None:
    with_digits()
    with_machine(lambda text: text.replace('"ring": 512', '"ring": 1024'))


@case(
    "network too wide for a machine", f"{COMPILE} --array machine.json --weight-bits 8",
    "machine", "acc-bits", quotes=True,
)  # fmt: skip
def _() -> None:
    with_digits()
    with_machine(lambda text: text)


@case(
    "machine with weights on the chip", f"{COMPILE} --reconfigurable --weights onchip",
    "DDR", "--weights",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "misspelt pass", "model.onnx -p fold-batchnrm",
    "fold-batchnrm", "did you mean 'fold-batchnorm'?", tool="snn-opt",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "passes in the wrong order", "model.onnx -p quantise",
    "pass 'quantise'", "convert", tool="snn-opt",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "syntax error in IR", "broken.mlir -p fold-batchnorm",
    "broken.mlir:3:1:", "Expected", tool="snn-opt", quotes=True)  # fmt: skip
def _() -> None:
    Path("broken.mlir").write_text("builtin.module {\n  %0 = onnx.Relu\n}\n")
