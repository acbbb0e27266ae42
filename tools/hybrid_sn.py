"""The network form of HybridSN with random weights, for its shape and cost.

    python tools/hybrid_sn.py -o DIR [--size 25] [--bands 30] [--classes 16]
    snnc compile DIR/hybrid_sn.onnx -o build --calibration DIR/patches.npz --weight-bits 6

Writes DIR/hybrid_sn.onnx and DIR/patches.npz: three 3-D convolutions of 8, 16 and 32 channels over
a patch of so many bands, whose slices then are the channels of a 2-D convolution, and three dense
layers. The patches are smooth along the bands and noisy across pixels, as spectra are.

Source: Roy et al., HybridSN, IEEE Geoscience and Remote Sensing Letters 17 (2020).
"""

import argparse
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

VOLUMES = ((8, (7, 3, 3)), (16, (5, 3, 3)), (32, (3, 3, 3)))
MAP = 64
DENSE = (256, 128)
SEED = 7


def network(size: int, bands: int, classes: int):
    """The ONNX model; weights are those of a network at the start of a training (He et al.)."""
    random = np.random.default_rng(SEED)
    nodes, constants = [], []
    shape, value = [1, bands, size, size], "image"

    def layer(kind: str, name: str, dims: tuple[int, ...], fires: bool = True, **attributes) -> str:
        spread = np.sqrt(2 / np.prod(dims[1:]))
        for part, array in (
            ("weight", random.normal(0, spread, dims)),
            ("bias", random.normal(0, 0.01, dims[0])),
        ):
            constants.append(numpy_helper.from_array(array.astype(np.float32), f"{name}.{part}"))
        inputs = [value, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        if not fires:
            return name
        nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"], name=f"{name}.relu"))
        return f"{name}.relu"

    for number, (channels, kernel) in enumerate(VOLUMES, 1):
        value = layer("Conv", f"volume{number}", (channels, shape[0], *kernel))
        shape = [channels, *(n - k + 1 for n, k in zip(shape[1:], kernel, strict=True))]
    shape = [shape[0] * shape[1], *shape[2:]]
    constants.append(numpy_helper.from_array(np.array([1, *shape], np.int64), "maps"))
    nodes.append(helper.make_node("Reshape", [value, "maps"], ["slices"], name="slices"))
    value = "slices"
    value = layer("Conv", "map", (MAP, shape[0], 3, 3))
    shape = [MAP, shape[1] - 2, shape[2] - 2]
    nodes.append(helper.make_node("Flatten", [value], ["flat"], name="flat"))
    value, inputs = "flat", int(np.prod(shape))
    for number, outputs in enumerate((*DENSE, classes), 1):
        fires = number <= len(DENSE)
        value = layer("Gemm", f"dense{number}", (outputs, inputs), fires=fires, transB=1)
        inputs = outputs
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, bands, size, size])
    output = helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, classes])
    graph = helper.make_graph(nodes, "hybrid_sn", [image], [output], initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model


def patches(size: int, bands: int, count: int) -> np.ndarray:
    """Random patches: uint8 (N, 1, bands, size, size)."""
    random = np.random.default_rng(SEED)
    spectra = np.cumsum(random.normal(0, 14, (count, 1, bands, 1, 1)), axis=2) + 110
    areas = random.normal(0, 25, (count, 1, 1, size, size))
    noise = random.normal(0, 8, (count, 1, bands, size, size))
    return (spectra + areas + noise).clip(0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--size", type=int, default=25, help="pixels of a patch (25)")
    parser.add_argument("--bands", type=int, default=30, help="of the spectrum (30)")
    parser.add_argument("--classes", type=int, default=16)
    parser.add_argument("--patches", type=int, default=64)
    args = parser.parse_args()
    least = 9, 13
    if args.size < least[0] or args.bands < least[1]:
        raise SystemExit(f"error: the network needs {least[0]} pixels and {least[1]} bands or more")
    args.output.mkdir(parents=True, exist_ok=True)
    save(network(args.size, args.bands, args.classes), args.output / "hybrid_sn.onnx")
    np.savez(args.output / "patches.npz", x=patches(args.size, args.bands, args.patches))


if __name__ == "__main__":
    main()
