"""The rows of docs/results.md: networks, their data, settings of the compiler, what is asked for.

`$SNNIR_DATA` is the folder of models/ and data/, `$MODELS` that of trained networks, `$W` that of
the samples (`python tools/results.py --prepare W`) and builds.
"""

from __future__ import annotations

from dataclasses import dataclass

CIFAR = ("--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.2435,0.2616")
PIXELS = {
    "mnist": ("--input-scale", "1/255"),
    "digits": ("--input-scale", "1/16"),
    "cifar10": CIFAR,
    "satimage": ("--mean", "0.2711,0.3273,0.389,0.3238", "--std", "0.0532,0.0894,0.0654,0.0739"),
}
"""What the float networks take for a pixel: the options that say so."""

SPLITS = {"mnist": ("test",), "digits": ("test",), "cifar10": ("held-out", "test"),
          "satimage": ("test",)}  # fmt: skip

SEED = 7
"""Of every recipe in tools/. Conversion without training draws no random numbers."""


@dataclass(frozen=True)
class Network:
    """A float network and the data it is measured on.

    Args:
        key: a word; names of rows begin with it.
        model: the ONNX file of the float network.
        pixels: options about pixels, the data's own if empty.
        asked: float accuracy in percent to reach; None where none is asked for.
        recipe: what makes the file, where it is not given.
    """

    key: str
    title: str
    data: str
    model: str
    pixels: tuple[str, ...] = ()
    asked: float | None = None
    recipe: str = ""

    def pixel_options(self) -> tuple[str, ...]:
        return self.pixels or PIXELS[self.data]


@dataclass(frozen=True)
class Row:
    """A network compiled in one way.

    Args:
        setting: coding and steps in words.
        bits: of the weights.
        options: of `snnc compile`, besides model, calibration and pixels.
        within: points that may be lost; None where nothing is asked for.
        verified: images in simulated Verilog.
        trained: ONNX file of the spiking network as it was trained; the float one is converted
            with calibration data if empty.
        recipe: what makes that file.
    """

    network: Network
    setting: str
    bits: int
    options: tuple[str, ...]
    within: float | None = None
    verified: int = 20
    trained: str = ""
    recipe: str = ""
    mark: str = ""

    @property
    def name(self) -> str:
        kind = self.setting.lower().replace(" t = ", "").replace(" ", "-")
        parts = (self.network.key, kind, f"w{self.bits}", self.mark)
        return "-".join(part for part in parts if part)

    @property
    def model(self) -> str:
        return self.trained or self.network.model

    @property
    def seed(self) -> int | None:
        return SEED if self.trained else None

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS[self.network.data]

    def samples(self, split: str) -> str:
        """The file of a split's images."""
        if self.network.data == "digits":
            return f"examples/digits_{split}.npz"
        return f"$W/{self.network.data}_{split}.npz"

    def commands(self) -> list[list[str]]:
        """What measures the row: compile, run on each split, verify."""
        build = f"$W/{self.network.key}"
        given = () if self.trained else (
            "--calibration", self.samples("calibration"), "--samples", "512",
            *self.network.pixel_options(),
        )  # fmt: skip
        runs = [
            ["run", build, "--input", self.samples(split), "--engine", "fast"]
            for split in self.splits
        ]
        return [
            ["compile", self.model, "-o", build, *given, *self.options],
            *runs,
            ["verify", build, "--input", self.samples(self.splits[-1]),
             "--engines", "interp,c,fast,rtl", "--limit", str(self.verified)],
        ]  # fmt: skip


@dataclass(frozen=True)
class Section:
    """Rows of one network or kind, under a heading of the page."""

    title: str
    text: str
    rows: tuple[Row, ...]


def radix(steps: int, bits: int, *array: str) -> dict:
    """Setting, bits and options of radix coding."""
    options = () if steps == 4 else ("--timesteps", str(steps))
    return _setting("radix", steps, bits, options, array)


def rate(steps: int, bits: int, *array: str) -> dict:
    """The same of rate coding, by neurons that fire while they integrate."""
    options = ("--coding", "rate", "--timesteps", str(steps))
    return _setting("rate", steps, bits, options, array)


def _setting(coding: str, steps: int, bits: int, options: tuple, array: tuple) -> dict:
    more = (*options, "--weight-bits", str(bits), *(("--array", *array) if array else ()))
    return {"setting": f"{coding} T = {steps}", "bits": bits, "options": more}


def lenet5() -> Section:
    network = Network(
        "lenet5", "LeNet-5", "mnist", "examples/lenet5.onnx", asked=99.2,
        recipe="python tools/train_lenet5.py",
    )  # fmt: skip
    qat = "python tools/train_qat.py lenet5 --start examples/lenet5.onnx --threads 1 -o DIR"
    small = "4,8,4"
    return Section(
        "LeNet-5 on MNIST",
        "All 10,000 test images.",
        (
            Row(network, **radix(4, 8, small)),
            Row(network, **radix(4, 4, small), within=0.2),
            Row(network, **radix(4, 3, small)),
            Row(network, **rate(8, 8, "4,8,8"), within=0.5),
            Row(network, **rate(8, 4, "4,8,8"), within=0.5),
            _trained(network, radix(4, 4, small), "examples/lenet5_radix4.onnx",
                     f"{qat} --epochs 8", 0.2),
            _trained(network, rate(8, 4, "4,8,8"), "examples/lenet5_rate8.onnx",
                     f"{qat} --coding rate --steps 8 --epochs 4", 0.5),
        ),
    )  # fmt: skip


def _trained(
    network: Network, how: dict, file: str, recipe: str, within: float | None, verified: int = 20
) -> Row:
    """The row of a trained file, which fixes coding, steps and bits itself."""
    options = how["options"]
    array = options[options.index("--array") :] if "--array" in options else ()
    return Row(
        network, **{**how, "options": array}, within=within, verified=verified, trained=file,
        recipe=recipe, mark="trained",
    )  # fmt: skip


def public() -> Section:
    """Networks that others trained, as they are."""
    folder = "$SNNIR_DATA/models/"
    networks = [
        Network("mnist-8", "mnist-8", "mnist", f"{folder}mnist-8/model.onnx",
                ("--input-scale", "1")),
        *(Network(name.lower(), name, "mnist", f"{folder}vnncomp/{name}.onnx")
          for name in ("Convnet_maxpool", "Convnet_avgpool", "mnist-net_256x2")),
        Network("resnet_2b", "resnet_2b", "cifar10", f"{folder}vnncomp/resnet_2b.onnx",
                ("--mean", "0.4914,0.4822,0.4465", "--std", "0.2471,0.2435,0.2616")),
    ]  # fmt: skip
    return Section(
        "Networks of others",
        "mnist-8 is from the ONNX model zoo, the others from VNN-COMP 2021; none was retrained.",
        tuple(
            Row(network, **radix(steps, bits, f"4,8,{steps}"), within=0.5 if bits == 8 else None)
            for network in networks
            for steps in ((8, 4) if network.key == "resnet_2b" else (4,))
            for bits in (8, 6, 4, 3)
        ),
    )


def digits() -> Section:
    network = Network(
        "digits", "digits", "digits", "examples/digits.onnx", recipe="python tools/train_digits.py"
    )
    return Section(
        "The shipped example",
        "A residual network on scikit-learn's digits, 540 images that were held out.",
        tuple(Row(network, **radix(4, bits, "2,4,4"), verified=5) for bits in (8, 4)),
    )


def sections() -> list[Section]:
    return [lenet5(), public(), digits()]


def all_rows() -> dict[str, Row]:
    """Name to row; names are unique."""
    rows = [row for section in sections() for row in section.rows]
    named = {row.name: row for row in rows}
    assert len(named) == len(rows), "two rows of one name"
    return named
