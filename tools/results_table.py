"""The rows of docs/results.md, section by section."""

from __future__ import annotations

from results_cifar10 import alexnet, resnet18, resnet20, vgg11
from results_rows import FEW, QAT, Network, Row, Section, lif, radix, rate, trained


def lenet5() -> Section:
    network = Network(
        "lenet5", "LeNet-5", "mnist", "examples/lenet5.onnx", asked=99.2,
        recipe="python tools/train_lenet5.py",
    )  # fmt: skip
    qat = f"{QAT} lenet5 --start examples/lenet5.onnx --threads 1 -o DIR"
    narrow, wide = "4,8,4", "4,8,8"
    return Section(
        "LeNet-5 on MNIST",
        "All 10,000 test images.",
        (
            Row(network, **radix(4, 8, narrow)),
            Row(network, **radix(4, 4, narrow), within=0.2),
            Row(network, **radix(4, 3, narrow)),
            Row(network, **rate(8, 8, wide), within=0.5),
            Row(network, **rate(8, 4, wide), within=0.5),
            trained(network, radix(4, 4, narrow), "examples/lenet5_radix4.onnx",
                    f"{qat} --epochs 8", 0.2),
            trained(network, rate(8, 4, wide), "examples/lenet5_rate8.onnx",
                    f"{qat} --coding rate --steps 8 --epochs 4", 0.5),
        ),
    )  # fmt: skip


def public() -> Section:
    """Networks that others trained, as they are."""
    folder = "$SNNIR_DATA/models/"
    networks = [
        Network("mnist-8", "mnist-8", "mnist", f"{folder}mnist-8/model.onnx",
                ("--input-scale", "1")),
        *(Network(name.lower(), name, "mnist", f"{folder}vnncomp/{name}.onnx")
          for name in ("Convnet_maxpool", "Convnet_avgpool", "mnist-net_256x2")),
        Network("resnet_2b", "resnet_2b", "cifar10", f"{folder}vnncomp/resnet_2b.onnx",
                ("--mean", "0.4914,0.4822,0.4465", "--std", "0.2471,0.2435,0.2616"),
                only=("test",)),
    ]  # fmt: skip
    return Section(
        "Networks of others",
        "mnist-8 is from the ONNX model zoo, the others are from VNN-COMP 2021, as they are.",
        tuple(
            Row(network, **radix(steps, bits, f"4,8,{steps}"), within=0.5 if bits == 8 else None)
            for network in networks
            for steps in ((8, 4) if network.key == "resnet_2b" else (4,))
            for bits in (8, 6, 4, 3)
        ),
    )


def leaky() -> Section:
    recipe = "python tools/train_lif.py"
    patchnet = Network(
        "patchnet", "patchnet", "satimage", "$MODELS/patchnet/patchnet_float.onnx",
    )  # fmt: skip
    volumes = Network(
        "patchnet3d", "patchnet3d", "satimage_volumes",
        "$MODELS/patchnet3d/patchnet3d_float.onnx",
    )  # fmt: skip
    vgg6 = Network("vgg6", "VGG-6", "cifar10", "$MODELS/vgg6/vgg6_float.onnx")
    return Section(
        "Leaky neurons",
        "Landsat Satimage (2,000 test rows of sat.tst) and CIFAR-10. Weights, thresholds and leaks "
        "are trained; the recipe trains the float network of the same form first. patchnet3d sees "
        "the four bands as a volume, patchnet as channels.",
        (
            trained(patchnet, lif(5, 6, "2,8,5"), "$MODELS/patchnet/patchnet.onnx",
                    f"{recipe} patchnet --threads 1 -o $MODELS/patchnet", None),
            trained(volumes, lif(5, 6, "4,16,5,2"), "$MODELS/patchnet3d/patchnet3d.onnx",
                    f"{recipe} patchnet3d --threads 1 -o $MODELS/patchnet3d", None),
            trained(vgg6, lif(5, 6, "4,16,5"), "$MODELS/vgg6/vgg6.onnx",
                    f"{recipe} vgg6 --float-epochs 6 --epochs 1 --rate 0.02 --through counts "
                    "--steps-batch 64 --teach 0.5 --teach-layers 0.1 --threads 1 -o $MODELS/vgg6",
                    None, FEW),
        ),
    )  # fmt: skip


def digits() -> Section:
    network = Network(
        "digits", "digits", "digits", "examples/digits.onnx", recipe="python tools/train_digits.py"
    )
    return Section(
        "The shipped example",
        "A residual network on scikit-learn's digits, 540 images that were held out.",
        tuple(Row(network, **radix(4, bits, "2,4,4"), verified=5) for bits in (8, 4)),
    )


def sections() -> list[Section]:
    return [lenet5(), vgg11(), resnet18(), resnet20(), alexnet(), leaky(), public(), digits()]


def all_rows() -> dict[str, Row]:
    """Name to row; names are unique."""
    rows = [row for section in sections() for row in section.rows]
    named = {row.name: row for row in rows}
    assert len(named) == len(rows), "two rows of one name"
    return named
