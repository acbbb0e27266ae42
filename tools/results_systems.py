"""Rows of docs/results.md that are of systems: what is measured, and how.

A first-to-spike network by allowed steps, one that stops early, and the energy of a network beside
dense ones. They have commands, as rows of accuracy do; what these print is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import snnc

from snnir.errors import UserError

STEPS = 16

Of = Callable[[str], str]
"""A word of a command with its variable replaced."""


@dataclass(frozen=True)
class System:
    """A network in one of the forms below.

    Args:
        samples: the file of its samples; `data` names those that are prepared, if it is one.
        array: of the machine, `--array`.
        recipe: what makes the files.
        options: of `snnc compile`, besides.
        verified: samples in simulated Verilog; `counted`: those over which energy is counted.
    """

    name: str
    title: str
    model: str
    samples: str
    array: str
    recipe: str
    options: tuple[str, ...] = ()
    data: str = ""
    verified: int = 8
    counted: int = 64

    @property
    def build(self) -> str:
        return f"$W/{self.name}"

    @property
    def needed(self) -> list[str]:
        """Files that someone has to make."""
        return [self.model]

    def compiling(self, model: str | None = None, folder: str | None = None) -> list[str]:
        words = ["compile", model or self.model, "-o", folder or self.build]
        return [*words, *self.options, *(("--array", self.array) if self.array else ())]

    def reporting(self) -> list[str]:
        limit = str(self.counted)
        return ["report", self.build, "--input", self.samples, "--limit", limit, "--energy"]

    def verifying(self, engines: str = "interp,c,rtl") -> list[str]:
        limit = str(self.verified)
        return ["verify", self.build, "--input", self.samples, "--limit", limit,
                "--engines", engines]  # fmt: skip

    def commands(self) -> list[list[str]]:
        """Those that a reader types."""
        raise NotImplementedError

    def measure(self, of: Of) -> dict:
        """What they say."""
        raise NotImplementedError


@dataclass(frozen=True)
class FirstToSpikeRow(System):
    """Accuracy against allowed steps in C, the float network of the same shape, energy."""

    float_model: str = ""
    features: int = 0
    """Of a sample, the first ones that the float network takes; 0 for all."""

    @property
    def needed(self) -> list[str]:
        return [self.model, self.float_model]

    def commands(self) -> list[list[str]]:
        running = ["run", self.build, "--input", self.samples]
        return [self.compiling(), running, self.verifying(), self.reporting()]

    def measure(self, of: Of) -> dict:
        from snnir.runtime.float_model import FloatModel
        from snnir.training.first_spike import export_first_to_spike
        from snnir.training.first_spike_file import read_first_to_spike

        compiling, running, verifying, reporting = self.commands()
        snnc(*map(of, compiling))
        net = read_first_to_spike(of(self.model))
        samples = np.load(of(self.samples))
        x, labels = samples["x"], samples["y"]
        allowed = []
        for steps in range(1, STEPS + 1):
            folder = of(self.build)
            if steps < len(net.levels):
                folder = of(f"{self.build}-{steps}")
                model = f"{folder}.onnx"
                export_first_to_spike(net.within(steps), model, x.shape[1:])
                words = self.compiling(model, folder)
                # Planes are the steps.
                words[-1] = self.array.rpartition(",")[0] + f",{steps}"
                snnc(*words, "--no-verilog")
            found = snnc("run", folder, *map(of, running[2:]))[1]
            allowed.append({
                "steps": steps,
                "right": round(found["accuracy"] * found["samples"]),
                "spent": found["decision"]["steps_per_sample"],
                "silent": found["decision"]["undecided"],
                "cycles": found["cycles_per_sample"],
            })  # fmt: skip
        real = x[:, : self.features or None].astype(np.float32) / 255
        predicted = FloatModel(Path(of(self.float_model))).predictions(real)
        return {
            "samples": len(x),
            "allowed": allowed,
            "float_right": int((predicted == labels).sum()),
            "verify": equality(snnc(*map(of, verifying))),
            "energy": energy(snnc(*map(of, reporting))[1], self.counted),
        }


@dataclass(frozen=True)
class EarlyExitRow(System):
    """Windows until the decision, in C, and in Verilog that stops as well."""

    windows: int = 4
    verified: int = 24

    def commands(self) -> list[list[str]]:
        return [self.compiling(), ["run", self.build, "--input", self.samples], self.verifying()]

    def measure(self, of: Of) -> dict:
        from snnir.runtime.build import BuildFolder
        from snnir.runtime.decision import stop_when_decided
        from snnir.runtime.engines import run_engine

        compiling, running, verifying = self.commands()
        snnc(*map(of, compiling))
        found = snnc(*map(of, running))[1]
        build = BuildFolder(Path(of(self.build)))
        x = np.load(of(self.samples))["x"]
        stop = stop_when_decided(build.manifest["output"])
        every = np.repeat(x[:, None], self.windows, axis=1)
        left = run_engine("c", build, every, trains=False, stop=stop)
        whole = run_engine("c", build, every, trains=False)
        few = every[: self.verified]
        simulated = run_engine("rtl", build, few, trains=False, stop=stop)
        expected = left.cycles[: len(simulated.cycles)]
        return {
            "samples": len(x),
            "right": round(found["accuracy"] * found["samples"]),
            "spent": found["decision"]["steps_per_sample"],
            "silent": found["decision"]["undecided"],
            "over": np.bincount(left.spent, minlength=self.windows + 1)[1:].tolist(),
            "cycles": found["cycles_per_sample"],
            "cycles_of_all": float(whole.cycles.sum()) / len(x),
            "rtl": {
                "samples": len(few),
                "equal": bool(np.array_equal(simulated.cycles, expected)),
                "cycles": float(simulated.cycles.sum()) / len(few),
                "cycles_of_all": float(whole.cycles[: len(expected)].sum()) / len(few),
            },
            "verify": equality(snnc(*map(of, verifying))),
        }


@dataclass(frozen=True)
class EnergyRow(System):
    """Clocks, and energy beside a float and a 6-bit network of the same form, by the model."""

    engines: str = "interp,c,fast,rtl"
    verified: int = 20

    def commands(self) -> list[list[str]]:
        return [self.compiling(), self.verifying(self.engines), self.reporting()]

    def measure(self, of: Of) -> dict:
        compiling, verifying, reporting = (list(map(of, words)) for words in self.commands())
        snnc(*compiling)
        status, compared = snnc(*verifying)
        said = snnc(*reporting)[1]
        cycles = compared["cycles"]["c"]
        return {
            "cycles": cycles,
            "verify": equality((status, compared)),
            "energy": energy(said, self.counted),
        }


def equality(told: tuple[int, dict]) -> dict:
    """What `snnc verify` says."""
    status, compared = told
    return {
        "samples": compared["samples"],
        "engines": compared["engines"],
        "equal": compared["equal"] and status == 0,
        "cycles_equal": compared["cycles_equal"],
    }


def energy(said: dict, samples: int) -> dict:
    """Of what `snnc report --energy` says, the two forms of comparison."""
    found = said["energy"]
    return {
        "model": found["technology"]["name"],
        "samples": samples,
        "adds": found["total"]["acs"],
        "macs": found["total"]["macs"],
        "ace_snn": found["ace_snn"],
        "spinaps": found["spinaps"],
    }


def check(system: System, of: Of) -> None:
    """Whether its files are there.

    Raises:
        UserError: one is not.
    """
    for path in system.needed:
        if not Path(of(path)).exists():
            raise UserError("not there", where=path)
