"""Accuracy of converted networks beside their float models, as a table.

    SNNIR_DATA=... python tools/accuracy.py [--samples N] [--models a,b] [--settings x,y]

Needs the data folder (models/, data/) and onnxruntime for the float column.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from snnir.frontend.onnx import import_model
from snnir.interpreters.snn import run_snn
from snnir.pipeline.run import run_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from datasets import cifar10, mnist  # noqa: E402

UNIT = f"input-scale={1 / 255}"
CIFAR_NORM = "input-mean=0.4914,0.4822,0.4465 input-std=0.2471,0.2435,0.2616"
CIFAR_MEAN = np.array([0.4914, 0.4822, 0.4465], np.float32).reshape(3, 1, 1)
CIFAR_STD = np.array([0.2471, 0.2435, 0.2616], np.float32).reshape(3, 1, 1)

MODELS = {
    "mnist-8": ("models/mnist-8/model.onnx", "mnist", "input-scale=1"),
    "Convnet_maxpool": ("models/vnncomp/Convnet_maxpool.onnx", "mnist", UNIT),
    "Convnet_avgpool": ("models/vnncomp/Convnet_avgpool.onnx", "mnist", UNIT),
    "mnist-net_256x2": ("models/vnncomp/mnist-net_256x2.onnx", "mnist", UNIT),
    "resnet_2b": ("models/vnncomp/resnet_2b.onnx", "cifar10", CIFAR_NORM),
    "vgg11": ("models/cifar10/vgg11_cifar10.onnx", "cifar10", CIFAR_NORM),
    "resnet18": ("models/cifar10/resnet18_cifar10.onnx", "cifar10", CIFAR_NORM),
}  # fmt: skip

SETTINGS = {
    "radix T=4 8 bit": ("coding=radix timesteps=4", 8),
    "radix T=4 4 bit": ("coding=radix timesteps=4", 4),
    "radix T=8 8 bit": ("coding=radix timesteps=8", 8),
    "rate T=8 causal": ("coding=rate timesteps=8", 8),
    "rate T=8 after": ("coding=rate timesteps=8 emission=after", 8),
    "rate T=16 causal": ("coding=rate timesteps=16", 8),
    "rate T=16 after": ("coding=rate timesteps=16 emission=after", 8),
}


def data(root: Path, kind: str, samples: int):
    """(test images, labels, calibration images), all uint8."""
    load = {"mnist": mnist, "cifar10": cifar10}[kind]
    images, labels = load(root, "test")
    calibration, _ = load(root, "train" if kind == "mnist" else "calibration")
    return images[:samples], labels[:samples], calibration[:512]


def float_accuracy(path: Path, kind: str, scale: str, images: np.ndarray, labels: np.ndarray):
    """Share of right answers of the float model under onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    name, shape = session.get_inputs()[0].name, session.get_inputs()[0].shape
    x = images.astype(np.float32)
    if kind == "cifar10":
        x = (x / 255 - CIFAR_MEAN) / CIFAR_STD
    elif scale != "input-scale=1":
        x = x / 255
    right = 0
    for image, label in zip(x, labels, strict=True):
        image = image.reshape([1, *shape[1:]])
        right += int(session.run(None, {name: image})[0].argmax() == label)
    return right / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SNNIR_DATA"))
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--models", default=",".join(list(MODELS)[:5]))
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--balance", default="", help="options of threshold-balance")
    parser.add_argument("--uncorrected", action="store_true", help="without bias correction")
    parser.add_argument("--quantise", default="", help="options of quantise")
    args = parser.parse_args()
    if not args.data:
        parser.error("set SNNIR_DATA or give --data")
    root = Path(args.data)
    print("| model | setting | accuracy | float | samples | widest acc/membrane | s compile, run |")
    print("|---|---|---|---|---|---|---|")
    for model in args.models.split(","):
        path, kind, scale = MODELS[model]
        images, labels, calibration = data(root, kind, args.samples)
        reference = float_accuracy(root / path, kind, scale, images, labels)
        for setting in args.settings.split(","):
            options, bits = SETTINGS[setting]
            start = time.time()
            module = import_model(str(root / path))
            with tempfile.TemporaryDirectory() as folder:
                file = f"{folder}/calibration.npz"
                np.savez(file, x=calibration)
                correct = "" if args.uncorrected else f"calibration={file}"
                run_pipeline(
                    module,
                    "simplify-onnx,fold-batchnorm,"
                    f"convert-onnx-to-snn{{{options} {scale}}},"
                    f"threshold-balance{{calibration={file} {args.balance}}},"
                    f"quantise{{weight-bits={bits} {correct} {args.quantise}}},verify-snn-integer",
                )
            compiled = time.time()
            result = run_snn(module, images, keep_trains=False)
            accuracy = float((result.outputs.argmax(1) == labels).mean())
            widths = widest(module)
            print(
                f"| {model} | {setting} | {accuracy:.2%} | {reference:.2%} | {len(labels)} | "
                f"{widths} | {compiled - start:.1f}, {time.time() - compiled:.1f} |",
                flush=True,
            )


def widest(module) -> str:
    """The largest proven widths of the network, `acc/membrane`."""
    from snnir.analysis.network import layers

    ops = list(layers(module))
    acc = max(op.acc_bits.value.data for op in ops)
    return f"{acc}/{max(op.membrane_bits.value.data for op in ops)}"


if __name__ == "__main__":
    main()
