"""The pipeline that `snnc compile` runs, made from its options."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from snnir.pipeline.budget import mean_bits

_PLAIN = re.compile(r"[\w./+:-]+")


@dataclass(frozen=True)
class Stage:
    """One pass with the options that are given to it.

    Args:
        role: what is read back from the IR behind it: `snn`, `pe` or `hw`.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    role: str | None = None

    @property
    def is_check(self) -> bool:
        """Whether the pass only looks; what is behind it is what was before it."""
        return self.name.startswith("verify-")

    def spec(self) -> str:
        """The pass as `snn-opt -p` reads it."""
        given = {key: value for key, value in self.options.items() if value is not None}
        options = " ".join(f"{key}={_value(value)}" for key, value in given.items())
        return f"{self.name}{{{options}}}" if options else self.name


@dataclass(frozen=True)
class Flow:
    """What may be chosen about a compilation; names and meanings as in `snnc compile --help`."""

    calibration: str | None = None
    samples: int | None = None
    coding: str = "radix"
    timesteps: int = 4
    steps_of: tuple[str, ...] | None = None
    emission: str | None = None
    reset: str | None = None
    compare: str | None = None
    neuron: tuple[str, ...] | None = None
    neuron_values: str | None = None
    readout: str | None = None
    readout_values: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    input_scale: float | None = None
    input_coding: str | None = None
    windows: int | None = None
    balance: str | None = None
    percentile: float | None = None
    per_channel: bool = False
    weight_bits: int = 8
    bits_of: tuple[str, ...] | None = None
    rounding: str | None = None
    budget: str | None = None
    target: str = "pynq-z2"
    array: tuple[int, ...] | None = None
    array_bits: int | None = None
    machine: str | None = None
    reconfigurable: bool = False
    weights: str | None = None
    batch: int | None = None
    maps: str | None = None
    bands: int | None = None
    overlap: bool = True
    verilog: bool = True

    def stages(self) -> Iterator[Stage]:
        """The passes, in order."""
        yield Stage("simplify-onnx")
        yield Stage("fold-batchnorm")
        yield Stage("verify-onnx-convertible")
        neuron = {
            "emission": self.emission,
            "reset": self.reset,
            "compare": self.compare,
            "neuron": self.neuron,
            "neuron-values": self.neuron_values,
            "readout": self.readout,
            "readout-values": self.readout_values,
        }
        pixel = {
            "input-scale": self.input_scale,
            "input-coding": self.input_coding,
            "input-mean": self.mean,
            "input-std": self.std,
        }
        code = {"coding": self.coding, "timesteps": self.timesteps, "steps-of": self.steps_of}
        stream = {"windows": self.windows}
        yield Stage("convert-onnx-to-snn", {**code, **stream, **neuron, **pixel})
        yield Stage(
            "threshold-balance",
            {
                "calibration": self.calibration,
                "samples": self.samples,
                "method": self.balance,
                "percentile": self.percentile,
                "per-channel": self.per_channel or None,
            },
        )
        yield Stage(
            "quantise",
            {
                "weight-bits": self.weight_bits,
                "bits-of": self.bits_of,
                "rounding": self.rounding,
                "calibration": self.calibration,
                "samples": self.samples,
                "mean-bits": mean_bits(self.budget),
            },
            role="snn",
        )
        yield Stage("verify-snn-integer")
        names = ("banks", "channels", "planes", "drain")
        size = dict(zip(names, self.array or (), strict=False))
        weights = {"weights": self.weights}
        overlap = {"overlap": None if self.overlap else False}
        maps = {"maps": self.maps, "bands": self.bands, **overlap}
        if self.machine or self.reconfigurable:
            weights = {"weights": "stream"}
            maps = {"maps": "onchip"}
        size |= {"weight-bits": self.array_bits, "machine": self.machine}
        yield Stage("tile-to-pe", {"target": self.target, **size, **weights, **maps})
        # The machine's memories are what they are, whatever the target has.
        target = "none" if self.machine else self.target
        options = {"target": target, **weights, "batch": self.batch, **overlap}
        yield Stage("event-schedule", options, role="pe")
        yield Stage("verify-pe-schedule")
        if self.verilog:
            machine = self.machine or ("auto" if self.reconfigurable else None)
            yield Stage("convert-pe-to-hw", {"machine": machine}, role="hw")


def pipeline_text(stages: list[Stage]) -> str:
    """The stages as one pipeline."""
    return ",".join(stage.spec() for stage in stages)


def snn_opt_line(model: str, pipeline: str, target: str = "mlir") -> str:
    """A command line for a shell that runs the same passes and prints the result."""
    words = ["snn-opt", model, "-p", pipeline]
    return shlex.join(words if target == "mlir" else [*words, "-t", target])


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_value, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # Digits alone, or `true`, would be read as something else than text.
        text = _PLAIN.fullmatch(value) and not re.fullmatch(r"[\d.+-]+|true|false", value)
        return value if text else json.dumps(value, ensure_ascii=False)
    return repr(value)
