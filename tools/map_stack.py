"""Writes a stack of convolutions over large images, with random weights, and images for it.

    python tools/map_stack.py 224 stack.onnx images.npz
    snnc compile stack.onnx -o stack --calibration images.npz --weight-bits 4 --array 16,32,4,4

Its feature maps are larger than any block RAM; the layers are computed in bands. What an image
takes, with moves beside layers and without, in C and with --rtl in the simulated Verilog as well:

    python tools/map_stack.py --clocks stack.onnx images.npz [--rtl]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = (16, 32, 32, 32)
"""Output channels of the layers; all but the first are pooled."""


def stack(size: int, channels: tuple[int, ...] = CHANNELS, classes: int = 10) -> onnx.ModelProto:
    """Convolutions 3x3 with ReLU, max pools 2x2, global average, and a dense layer."""
    random = np.random.default_rng(7)
    nodes, constants, value, before = [], [], "image", 3
    for index, count in enumerate(channels):
        spread = np.sqrt(2 / (before * 9))
        weights = random.normal(0, spread, (count, before, 3, 3)).astype(np.float32)
        bias = random.normal(0, 0.1, count).astype(np.float32)
        constants += [
            numpy_helper.from_array(weights, f"w{index}"),
            numpy_helper.from_array(bias, f"b{index}"),
        ]
        inputs = [value, f"w{index}", f"b{index}"]
        nodes.append(
            helper.make_node(
                "Conv", inputs, [f"c{index}"], f"conv{index + 1}", kernel_shape=[3, 3],
                pads=[1, 1, 1, 1],
            )
        )  # fmt: skip
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"r{index}"]))
        value, before = f"r{index}", count
        if index:
            nodes.append(
                helper.make_node(
                    "MaxPool", [value], [f"p{index}"], kernel_shape=[2, 2], strides=[2, 2]
                )
            )
            value = f"p{index}"
    dense = random.normal(0, 0.3, (classes, before)).astype(np.float32)
    constants.append(numpy_helper.from_array(dense, "dense"))
    nodes += [
        helper.make_node("GlobalAveragePool", [value], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "dense"], ["out"], "out", transB=1),
    ]
    shapes = {"image": [1, 3, size, size], "out": [1, classes]}
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        for name, dims in shapes.items()
    }
    graph = helper.make_graph(
        nodes, f"stack{size}", [values["image"]], [values["out"]], initializer=constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def images(size: int, count: int) -> np.ndarray:
    """Smooth random images: uint8 (N, 3, size, size)."""
    random = np.random.default_rng(11)
    coarse = random.uniform(0, 255, (count, 3, 9, 9))
    at = np.linspace(0, 7.999, size)
    low, part = at.astype(int), at % 1
    rows = coarse[:, :, low] * (1 - part)[:, None] + coarse[:, :, low + 1] * part[:, None]
    whole = rows[..., low] * (1 - part) + rows[..., low + 1] * part
    return (whole + random.normal(0, 8, whole.shape)).clip(0, 255).astype(np.uint8)


def clocks(model: str, data: str, rtl: bool) -> None:
    """Compile the stack with overlap and without, run the first image, print a table."""
    from snnir.pipeline.flow import Flow
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.compare import compare
    from snnir.runtime.engines import run_engine
    from snnir.runtime.losses import count_losses
    from snnir.schedule.program import FIRE
    from snnir.tools.compiling import compile_model

    print("| | bands | moved | clocks | waiting for moves |")
    print("|---|---|---|---|---|")
    for overlap in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            flow = Flow(
                calibration=data, weight_bits=4, array=(16, 32, 4, 4), input_scale=1 / 255,
                overlap=overlap, verilog=rtl,
            )  # fmt: skip
            compile_model(Path(model), Path(folder) / "build", flow)
            build = BuildFolder(Path(folder) / "build")
            tables, ddr = build.tables, build.ddr(None, None)
            pixels = np.load(data)["x"][:1]
            found = {
                name: run_engine(name, build, pixels, trains=True, ddr=ddr)
                for name in ("c", "rtl")[: 1 + rtl]
            }
            if rtl and not (
                compare(found, tables).equal
                and np.array_equal(found["c"].cycles, found["rtl"].cycles)
            ):
                sys.exit("C and Verilog differ")
            result = found["c"]
            losses = count_losses(tables, build.pe, result.trains, ddr)["total"]
            bands: dict[str, int] = {}
            for layer in tables.layers:
                if layer.kind == FIRE:
                    bands[layer.of] = bands.get(layer.of, 0) + 1
            moved = sum(move.move.bytes for move in tables.moved) / 1e6
            print(
                f"| {'moves beside layers' if overlap else '`--no-overlap`'} "
                f"| {', '.join(map(str, bands.values()))} | {moved:.2f} MB "
                f"| {int(result.cycles[0]):,} | {losses['loads'] + losses['stores']:,.0f} |"
            )


def main(size: str, model: str, data: str) -> None:
    onnx.save(stack(int(size)), model)
    np.savez_compressed(data, x=images(int(size), 8))


if __name__ == "__main__":
    rtl = sys.argv[4:] == ["--rtl"]
    if len(sys.argv) != 4 and not rtl:
        sys.exit(__doc__)
    if sys.argv[1] == "--clocks":
        clocks(*sys.argv[2:4], rtl)
    else:
        main(*sys.argv[1:])
