"""Reads a first-to-spike network back from the file that `export_first_to_spike` wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snnir.frontend.onnx_file import load_model
from snnir.training.first_spike import SILENT, TIES, FirstToSpike, GlmLayer


def read_first_to_spike(path: str | Path) -> FirstToSpike:
    """The network of a file.

    Raises:
        UserError: the file cannot be read.
        ValueError: the file is of another kind.
    """
    from onnx import helper, numpy_helper

    graph = load_model(path).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    called = {
        node.op_type: {one.name: helper.get_attribute_value(one) for one in node.attribute}
        for node in graph.node
        if node.op_type in ("Levels", "FirstToSpike")
    }
    if len(called) < 2:
        raise ValueError(f"{path}: no first-to-spike network")
    layers = []
    for node in graph.node:
        if node.op_type in ("Glm", "FirstToSpike"):
            said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            number = len(layers) + 1
            names = [f"dense{number}.integers"]
            if names[0] not in arrays:
                count = sum(name.startswith(f"dense{number}.") for name in arrays) // 2
                names = [f"dense{number}.{delay}.integers" for delay in range(count)]
            weights = np.stack([arrays[name] for name in names])
            layers.append(
                GlmLayer(weights, np.array(said["bias"]), said["points"], np.array(said["seed"]))
            )
    last = called["FirstToSpike"]
    rules = TIES[last["ties"]], SILENT[last["silent"]]
    return FirstToSpike(list(called["Levels"]["levels"]), layers, *rules)
