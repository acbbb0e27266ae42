"""One network of several of the same form that were trained from one another: mean weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snnir.frontend.onnx_file import load_model

if TYPE_CHECKING:
    import onnx


def averaged(paths: Sequence[str | Path]) -> onnx.ModelProto:
    """The ONNX model of the first file, with the mean of all files as each float tensor.

    Networks that were trained on from a common start lie in one valley of the loss, where their
    mean is better than most of them; it costs nothing when the network runs. Running means and
    variances of batch norms are averaged too.

    Raises:
        UserError: a file cannot be read.
        ValueError: fewer than two files, or files that are not of one form.

    Source: Wortsman et al., Model soups, ICML 2022.
    """
    from onnx import numpy_helper

    if len(paths) < 2:
        raise ValueError("a mean needs at least two networks")
    models = [load_model(path) for path in paths]
    first = models[0]
    for path, model in zip(paths[1:], models[1:], strict=True):
        if _form(model) != _form(first):
            raise ValueError(f"{path} is not of the form of {paths[0]}: other nodes or shapes")
    for tensors in zip(*(model.graph.initializer for model in models), strict=True):
        arrays = [numpy_helper.to_array(tensor) for tensor in tensors]
        if arrays[0].dtype.kind == "f":
            mean = np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype)
            tensors[0].CopyFrom(numpy_helper.from_array(mean, tensors[0].name))
        elif any(not np.array_equal(arrays[0], other) for other in arrays[1:]):
            raise ValueError(f"'{tensors[0].name}' differs, and is not of real numbers")
    return first


def _form(model: onnx.ModelProto) -> tuple:
    """Nodes, and names and shapes of what they hold."""
    graph = model.graph
    return (
        [(n.op_type, list(n.input), list(n.output), str(list(n.attribute))) for n in graph.node],
        [(t.name, t.data_type, list(t.dims)) for t in graph.initializer],
    )
