"""The float network under onnxruntime: the accuracy that a compiled network is measured against."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from snnir.errors import UserError

BATCH = 32
"""Inputs at once; a trained network of rate coding unrolls each into T, with maps of all layers."""


def available() -> bool:
    """Whether onnxruntime is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


class FloatModel:
    """A model as it was before compilation."""

    def __init__(self, path: Path):
        """Load a model.

        Raises:
            UserError: onnxruntime is missing or does not take the model.
        """
        if not available():
            raise UserError("onnxruntime is not installed", hint="pip install 'snnir[float]'")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # Its exceptions have no common base class.
            raise UserError(
                f"onnxruntime does not take the model: {error}", where=str(path)
            ) from error
        self._input = self._session.get_inputs()[0]
        self._dtype: Any = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(
            self._input.type, np.float32
        )
        batch = self._input.shape[0] if self._input.shape else 1
        self._fixed = batch if isinstance(batch, int) and batch > 0 else None

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Outputs (N, ...) for float inputs (N, ...) as the model takes them."""
        if self._fixed is not None:
            return self._in_batches(x, self._fixed)
        batch = min(BATCH, len(x))
        try:
            return self._in_batches(x, batch)
        except Exception:
            # An open batch dimension may still run into a Reshape that is fixed to one sample.
            if batch == 1:
                raise
            return self._in_batches(x, 1)

    def predictions(self, x: np.ndarray) -> np.ndarray:
        """The index of the largest output of each sample."""
        return self.outputs(x).reshape(len(x), -1).argmax(axis=1)

    def _in_batches(self, x: np.ndarray, batch: int) -> np.ndarray:
        extents = [n if isinstance(n, int) and n > 0 else -1 for n in self._input.shape[1:]]
        parts = []
        for start in range(0, len(x), batch):
            part = x[start : start + batch].astype(self._dtype)
            count = len(part)
            if count < batch and self._fixed is not None:
                # A fixed batch is filled up with copies, whose outputs are dropped.
                part = np.concatenate([part, np.repeat(part[-1:], batch - count, axis=0)])
            if extents.count(-1) <= 1:
                part = part.reshape(len(part), *extents)
            parts.append(self._session.run(None, {self._input.name: part})[0][:count])
        return np.concatenate(parts)
