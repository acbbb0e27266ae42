"""What two engines disagree about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snnir.runtime.engine import EngineResult


def differences(
    result: EngineResult,
    reference: EngineResult,
    names: Sequence[str] = ("trains", "layer_cycles", "events"),
) -> list[str]:
    """Labels of what a result has otherwise than the reference, which names what is compared."""
    found = [] if np.array_equal(result.potentials, reference.potentials) else ["potentials"]
    for name in names:
        expected, actual = getattr(reference, name), getattr(result, name)
        found += [
            f"{name} of {label}"
            for label, values in expected.items()
            if not np.array_equal(actual[label], values)
        ]
    return found
