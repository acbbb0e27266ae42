"""What class the potentials stand for: the largest one, or that of the first neuron to spike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnir.runtime.engine import Stop

NO_CLASS = -1
"""Where none of the output neurons has spiked and no other rule decides."""


def decide(
    output: Mapping[str, Any], potentials: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """The class of each sample, and the steps until it was found in a first-to-spike network.

    Args:
        output: of a build folder's manifest; `decision` says how scores are made.
        potentials: (N, outputs), in a first-to-spike network the scores.
    """
    classes, decision = potentials.argmax(axis=1), output.get("decision")
    if decision is None:
        return classes, None
    best = potentials.max(axis=1) >> decision["bits"]
    if decision["silent"] == "none":
        classes = np.where(best > 0, classes, NO_CLASS)
    return classes, np.where(best > 0, decision["steps"] + 1 - best, decision["steps"])


def spent(output: Mapping[str, Any], potentials: np.ndarray) -> dict[str, Any] | None:
    """Mean steps until the decision, the share of samples in which no neuron spiked, the rules."""
    _, steps = decide(output, potentials)
    if steps is None:
        return None
    decision = output["decision"]
    silent = (potentials.max(axis=1) >> decision["bits"]) == 0
    return {
        **decision,
        "steps_per_sample": float(steps.mean()),
        "undecided": float(silent.mean()),
    }


def stop_when_decided(output: Mapping[str, Any]) -> Stop | None:
    """Which samples of several windows need no more of them: an output neuron has spiked."""
    decision = output.get("decision")
    if decision is None:
        return None
    return lambda said: bool(said.potentials.max() >> decision["bits"])
