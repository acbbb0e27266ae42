"""Rounding that lets later weights make up for the errors of earlier ones, led by the inputs."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from snnir.calibration.rounding import top_level
from snnir.calibration.threads import for_parts

GROUP = 576
"""Inputs whose products among each other are taken into account."""

BLOCK = 32
"""Columns that are rounded one by one before all others of the group are told."""

ROWS = 128
"""Outputs that are rounded at once."""


def round_second_order(
    weights: np.ndarray,
    unit: np.ndarray,
    bits: int,
    inputs: np.ndarray,
    error: np.ndarray | None = None,
    damping: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of weights (M, K) as integers of `bits` bits whose currents stray least.

    What counts is how currents stray from place to place; what they stray by on average, the bias
    can take back. So inputs (K, places) are centred first. Weights are rounded in groups. A group
    first takes up, by least squares, what the groups before it made of the currents. Inside of it,
    with the covariance G = U U^T of its inputs, U upper triangular, the error e of a row counts
    e G e^T = |e U|^2, and entry k of e U depends on the weights up to k alone. So the weights are
    rounded one column after the other, each after it took up what the errors so far cause in it;
    that is GPTQ's update, without the inverse. Inputs of the largest power come first, since all
    others can then make up for them.

    Args:
        unit: the real value of one integer step of each row.
        error: (M, places), by how much the currents of other branches stray, in units.
        damping: share of G's mean diagonal that is added to its diagonal.

    Returns:
        the integers, and by how much all currents stray now.

    Source: Frantar et al., ICLR 2023 (GPTQ); the triangular form: Chee et al., NeurIPS 2023.
    """
    # Rows are shared out among threads here; those of a BLAS would only wait for each other.
    with threadpool_limits(1):
        return _rounded(weights, unit, bits, inputs, error, damping)


def _rounded(weights, unit, bits, inputs, error, damping) -> tuple[np.ndarray, np.ndarray]:
    top = np.float32(top_level(bits))
    inverse = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    wanted = (weights * inverse[:, None]).astype(np.float32)
    inputs = inputs - inputs.mean(axis=1, keepdims=True)
    places = np.float32(inputs.shape[1])
    rounded = np.empty_like(wanted)
    told = error is not None
    error = error.copy() if told else np.zeros((len(weights), inputs.shape[1]), np.float32)
    for first in range(0, len(inputs), GROUP):
        group = slice(first, first + GROUP)
        x = inputs[group]
        gram = (x @ x.T) / places
        mean = float(np.diagonal(gram).mean())
        gram[np.diag_indices(len(gram))] += damping * mean if mean > 0 else 1.0
        factor = _Factor(gram)
        # Errors of other branches or groups before; at first there are none.
        taken = np.linalg.inv(gram) / places if told or first else None

        def round_rows(rows: slice, group=group, x=x, factor=factor, taken=taken) -> None:
            exact = wanted[rows, group]
            target = exact.T if taken is None else exact.T + taken @ (x @ error[rows].T)
            rounded[rows, group] = factor.rounded(target, top).T
            error[rows] += (exact - rounded[rows, group]) @ x

        for_parts(round_rows, len(weights), ROWS)
    return rounded.astype(np.int64), error


class _Factor:
    """The feedback between the columns of a group, for rows to be rounded with."""

    def __init__(self, gram: np.ndarray):
        self.order = np.argsort(-np.diagonal(gram), kind="stable")
        # The factor wants the last column first: it is taken of the reversed matrix.
        reverse = self.order[::-1]
        factor = np.linalg.cholesky(gram[np.ix_(reverse, reverse)].astype(np.float64))[::-1, ::-1]
        self.feedback = (factor / np.diagonal(factor)).astype(np.float32)

    def rounded(self, targets: np.ndarray, top: np.float32) -> np.ndarray:
        """Columns (K, M) as integers up to `top`, each told of the errors of those before it."""
        targets = np.ascontiguousarray(targets[self.order])
        rounded, errors = np.empty_like(targets), np.empty_like(targets)
        for first in range(0, len(targets), BLOCK):
            last = min(first + BLOCK, len(targets))
            wanted = targets[first:last] + self.feedback[:first, first:last].T @ errors[:first]
            for k in range(first, last):
                row = np.rint(wanted[k - first], out=rounded[k])
                np.minimum(np.maximum(row, -top, out=row), top, out=row)
                np.subtract(targets[k], row, out=errors[k])
                wanted[k + 1 - first :] += self.feedback[k, k + 1 : last, None] * errors[k]
        result = np.empty_like(rounded)
        result[self.order] = rounded
        return result
