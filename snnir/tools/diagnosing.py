"""Measures what each part of each layer costs, by putting it back to float alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from snnir.calibration.diagnosis import CAUSES, FLOAT, Dissected
from snnir.errors import UserError
from snnir.runtime.progress import counted, step

if TYPE_CHECKING:
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.samples import Samples

REPAIRS = {
    "weights": "more --weight-bits, or --rounding gptq with calibration data",
    "clipping": "--balance max, or a larger --percentile",
    "rounding": "more --timesteps",
    "unevenness": "--neuron ahead, --emission after, or --coding radix",
}

STEPS = (2, 3, 4, 6, 8)
CODINGS = {
    "radix": {"coding": "radix", "emission": None, "reset": None, "compare": None},
    "rate, causal": {"coding": "rate", "emission": "causal"},
    "rate, after": {"coding": "rate", "emission": "after", "reset": None},
}


def diagnose(build: BuildFolder, samples: Samples) -> dict[str, Any]:
    """What the JSON object of `snnc diagnose` holds."""
    from snnir.analysis.network import is_rate

    with step(f"taking the network apart, {len(samples):,} samples"):
        parts = Dissected(_balanced(build), build.snn, samples.x)
        everything = dict.fromkeys(parts.labels, FLOAT)
        trains, wanted = parts.run(everything)
    measure = _Measure(wanted, samples.y)
    base = measure(parts.as_compiled)
    fires = [label for label in parts.labels if label != parts.labels[-1]]
    rate = any(is_rate(parts.layers[label].op) for label in fires)
    causes = CAUSES if rate else CAUSES[:3]
    whole = {
        cause: measure(parts.outputs(dict.fromkeys(parts.labels, frozenset({cause}))))
        for cause in causes
    }
    rows = []
    with step("putting single parts back to float"):
        for index, label in counted(enumerate(parts.labels), len(parts.labels)):
            behind = dict.fromkeys(parts.labels[index + 1 :], FLOAT)
            upto = measure(parts.outputs(behind) if behind else parts.as_compiled)
            at = causes if label in fires else causes[:1]
            repaired = {
                cause: base["error"] - measure(parts.outputs({label: frozenset({cause})}))["error"]
                for cause in at
            }
            layer = measure(parts.outputs({label: FLOAT}))
            rows.append(
                {
                    "layer": label,
                    "error": _train_error(parts, trains, label),
                    "predictions_that_differ": upto["differ"],
                    "repaired": repaired,
                    "repaired_by_all": base["error"] - layer["error"],
                }
            )
    differing = [row["layer"] for row in rows if row["predictions_that_differ"]]
    best = min(causes, key=lambda cause: whole[cause]["error"])
    gains = [(gain, row["layer"], cause) for row in rows for cause, gain in row["repaired"].items()]
    single = max(gains)
    return {
        "samples": len(samples),
        "float_accuracy": measure.float_accuracy,
        "compiled": base,
        "put_back_everywhere": whole,
        "layers": rows,
        "predictions_differ_from": differing[0] if differing else None,
        "best_repair": {"cause": best, "option": REPAIRS[best], **whole[best]},
        "best_single_repair": {"layer": single[1], "cause": single[2], "repaired": single[0]},
    }


class _Measure:
    """Compares outputs with the float network's."""

    def __init__(self, wanted: np.ndarray, labels: np.ndarray | None):
        self.wanted = wanted.reshape(len(wanted), -1)
        self.predictions, self.labels = self.wanted.argmax(1), labels
        self.float_accuracy = self.accuracy(self.predictions)

    def accuracy(self, predictions: np.ndarray) -> float | None:
        return None if self.labels is None else float((predictions == self.labels).mean())

    def __call__(self, outputs: np.ndarray) -> dict[str, Any]:
        found = outputs.reshape(len(outputs), -1)
        predictions = found.argmax(1)
        return {
            "error": relative_error(found, self.wanted),
            "differ": int((predictions != self.predictions).sum()),
            "accuracy": self.accuracy(predictions),
        }


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square of the difference by that of what is wanted."""
    size = float(np.sqrt((wanted.astype(np.float64) ** 2).mean()))
    difference = float(np.sqrt(((found - wanted).astype(np.float64) ** 2).mean()))
    return difference / size if size else difference


def _train_error(parts: Dissected, trains, label: str) -> float | None:
    """Of what the layer's trains hold as compiled; None for the readout."""
    value = parts.layers[label].op.results[0]
    if value not in trains:
        return None
    return relative_error(parts.base[value].value(), trains[value].value())


def _balanced(build: BuildFolder):
    from snnir.runtime.build import read_ir

    stages = {entry["stage"]: entry["file"] for entry in build.manifest["ir"]}
    file = stages.get("threshold-balance")
    if file is None:
        raise UserError(
            "the build folder holds no program from before quantise", where=str(build.path)
        )
    return read_ir(build.path / file)


def accuracy_by_steps(build: BuildFolder, samples: Samples) -> dict[str, list[tuple[int, float]]]:
    """Accuracy of each coding for some T; without labels the share that agrees with float."""
    from snnir.frontend.onnx import import_model
    from snnir.interpreters.snn import run_snn
    from snnir.pipeline.flow import Flow, pipeline_text
    from snnir.pipeline.run import run_pipeline
    from snnir.runtime.encode import real_inputs
    from snnir.runtime.float_model import FloatModel

    options = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in build.manifest["options"].items()
    }
    kept = build.calibration()
    flow = replace(Flow(**options), calibration=str(kept) if kept else None)
    y = samples.y
    if y is None:
        y = FloatModel(build.model).predictions(real_inputs(build.manifest["input"], samples.x))
    found: dict[str, list[tuple[int, float]]] = {}
    settings = [(name, steps) for name in CODINGS for steps in STEPS]
    with step("accuracy by timesteps"):
        for name, steps in counted(settings, len(settings)):
            plain = {"steps_of": None, "neuron": None, "neuron_values": None}
            one = replace(flow, timesteps=steps, **plain, **CODINGS[name])
            stages = list(one.stages())
            last = next(i for i, stage in enumerate(stages) if stage.name == "quantise")
            module = import_model(build.model)
            run_pipeline(module, pipeline_text(stages[: last + 1]))
            outputs = run_snn(module, samples.x, keep_trains=False).outputs
            right = (outputs.reshape(len(outputs), -1).argmax(1) == y).mean()
            found.setdefault(name, []).append((steps, float(right)))
    return found
