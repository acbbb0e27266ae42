"""What a row of docs/results.md is: a network, its data, a setting of the compiler, what is asked.

`$SNNIR_DATA` is the folder of models/ and data/, `$MODELS` that of trained networks, `$W` that of
the samples (`python tools/results.py --prepare W`) and builds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CIFAR = ("--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.2435,0.2616")
PIXELS = {
    "mnist": ("--input-scale", "1/255"),
    "digits": ("--input-scale", "1/16"),
    "cifar10": CIFAR,
    "satimage": ("--mean", "0.2711,0.3273,0.389,0.3238", "--std", "0.0532,0.0894,0.0654,0.0739"),
    "satimage_volumes": ("--mean", "0.3278", "--std", "0.083"),
}
"""What the float networks take for a pixel: the options that say so."""

SPLITS = {"mnist": ("test",), "digits": ("test",), "cifar10": ("held-out", "test"),
          "satimage": ("test",), "satimage_volumes": ("test",)}  # fmt: skip

SEED = 7
"""Of every recipe in tools/. Conversion without training draws no random numbers."""

QAT = "python tools/train_qat.py"
"""What trains networks in their spiking form."""

FEW = 5
"""Images of CIFAR-10 in simulated Verilog, a second or a few each."""

AHEAD = "2 ahead"
"""Ends the mark of rows whose neurons decide each spike when two more steps are heard."""


@dataclass(frozen=True)
class Network:
    """A float network and the data it is measured on.

    Args:
        key: a word; names of rows begin with it.
        model: the ONNX file of the float network.
        pixels: options about pixels, the data's own if empty.
        asked: float accuracy in percent to reach; None where none is asked for.
        recipe: what makes the file, where it is not given.
        only: splits it is measured on, all of the data's if empty.
    """

    key: str
    title: str
    data: str
    model: str
    pixels: tuple[str, ...] = ()
    asked: float | None = None
    recipe: str = ""
    only: tuple[str, ...] = ()

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
        trained: ONNX file of the network that was trained from `network`, with whose accuracy it
            is compared; `network` itself if empty.
        plain: whether that is a float network, which is converted with calibration data, as
            `network` is; the others are spiking networks.
        recipe: what makes that file.
        mark: what tells it from other rows of this setting; ends its name.
        calibrated: images for calibration.
    """

    network: Network
    setting: str
    bits: int
    options: tuple[str, ...]
    within: float | None = None
    verified: int = 20
    trained: str = ""
    plain: bool = False
    recipe: str = ""
    mark: str = ""
    calibrated: int = 512

    @property
    def name(self) -> str:
        kind = self.setting.lower().replace(" t = ", "").replace(" ", "-")
        parts = (self.network.key, kind, f"w{self.bits}", self.mark.replace(" ", "-"))
        return "-".join(part for part in parts if part)

    @property
    def model(self) -> str:
        return self.trained or self.network.model

    @property
    def converted(self) -> bool:
        """Whether a float network is compiled, with calibration data."""
        return self.plain or not self.trained

    @property
    def seed(self) -> int | None:
        return SEED if self.trained else None

    @property
    def splits(self) -> tuple[str, ...]:
        return self.network.only or SPLITS[self.network.data]

    def keeps(self, of: dict) -> bool:
        """Whether a split, as measured, lost no more images than may be."""
        return 100 * (of["float_right"] - of["right"]) <= self.within * of["samples"]

    def samples(self, split: str) -> str:
        """The file of a split's images."""
        if self.network.data == "digits":
            return f"examples/digits_{split}.npz"
        return f"$W/{self.network.data}_{split}.npz"

    def commands(self) -> list[list[str]]:
        """What measures the row: compile, run on each split, verify."""
        build = f"$W/{self.network.key}"
        given = (
            "--calibration", self.samples("calibration"), "--samples", str(self.calibrated),
            *self.network.pixel_options(),
        ) if self.converted else ()  # fmt: skip
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


def lif(steps: int, bits: int, *array: str) -> dict:
    """Of leaky neurons of rate coding, which only a trained file has."""
    return _setting("LIF", steps, bits, (), array)


def trained(
    network: Network,
    how: dict,
    file: str,
    recipe: str,
    within: float | None,
    verified: int = 20,
    mark: str = "trained",
) -> Row:
    """The row of a trained file, which fixes coding, steps and bits itself."""
    options = how["options"]
    array = options[options.index("--array") :] if "--array" in options else ()
    return Row(
        network, **{**how, "options": array}, within=within, verified=verified, trained=file,
        recipe=recipe, mark=mark,
    )  # fmt: skip


def tried(row: Row, mark: str, *options: str, calibrated: int = 512) -> Row:
    """A row anew, with more options."""
    return replace(row, options=(*row.options, *options), mark=mark, calibrated=calibrated)
