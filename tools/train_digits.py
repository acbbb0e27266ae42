"""Trains the shipped network on scikit-learn's digits: examples/digits.onnx and its two data files.

    pip install -e '.[train]' && python tools/train_digits.py

The images are 8x8 with pixels 0..16, kept as they are (uint8); the network takes pixel / 16, which
`snnc compile --input-scale 1/16` folds into the first layer. The network is small but has one of
each: convolutions, batch normalisation, a residual Add, max and average pooling, a dense layer.
"""

import math
from pathlib import Path

import numpy as np
from extras import torch
from onnx import TensorProto, checker, helper, numpy_helper, save_model
from recipes import run
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from snnir.tools.arguments import whole
from snnir.tools.errors import ArgumentParser

SEED = 7
TEST_IMAGES = 540
CALIBRATION_IMAGES = 256
BATCH = 64


class DigitsNet(nn.Module):
    """(1, 8, 8) -> conv, residual block, max pool, conv, average pool, dense -> 10 logits."""

    def __init__(self, channels: int = 12):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.dense = nn.Linear(2 * channels * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.bn1(self.conv1(x)).relu()
        b = (self.bn2(self.conv2(a)) + a).relu()
        c = self.conv3(nn.functional.max_pool2d(b, 2)).relu()
        return self.dense(nn.functional.avg_pool2d(c, 2).flatten(1))


def to_onnx(net: DigitsNet):
    """The network as ONNX, one node per step of `forward`, the batch dimension open.

    Written node by node because torch's exporter needs packages that nothing else here does.
    """
    weights = [
        numpy_helper.from_array(value.numpy(), name)
        for name, value in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    ]
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}

    def batchnorm(name: str) -> list[str]:
        return [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]

    def node(op: str, inputs: list[str], name: str, **attributes):
        return helper.make_node(op, inputs, [name], name=name, **attributes)

    nodes = [
        node("Conv", ["image", "conv1.weight"], "conv1", **conv),
        node("BatchNormalization", ["conv1", *batchnorm("bn1")], "bn1", epsilon=net.bn1.eps),
        node("Relu", ["bn1"], "relu1"),
        node("Conv", ["relu1", "conv2.weight"], "conv2", **conv),
        node("BatchNormalization", ["conv2", *batchnorm("bn2")], "bn2", epsilon=net.bn2.eps),
        node("Add", ["bn2", "relu1"], "residual"),
        node("Relu", ["residual"], "relu2"),
        node("MaxPool", ["relu2"], "maxpool", **pool),
        node("Conv", ["maxpool", "conv3.weight", "conv3.bias"], "conv3", **conv),
        node("Relu", ["conv3"], "relu3"),
        node("AveragePool", ["relu3"], "avgpool", **pool),
        node("Flatten", ["avgpool"], "flatten", axis=1),
        node("Gemm", ["flatten", "dense.weight", "dense.bias"], "logits", transB=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "digits", [image], [logits], weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="snnir"
    )
    checker.check_model(model, full_check=True)
    return model


def shifted(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by -1, 0 or 1 pixels along both axes, zeros moving in."""
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    offsets = torch.randint(3, (len(x), 2), generator=generator)
    views = padded.unfold(2, 8, 1).unfold(3, 8, 1)
    return views[torch.arange(len(x)), :, offsets[:, 0], offsets[:, 1]]


def train(x: torch.Tensor, y: torch.Tensor, epochs: int) -> DigitsNet:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    net = DigitsNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=1e-2)
    steps = epochs * math.ceil(len(x) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            # Half of the images are moved; the others stay centred, as the test images are.
            moved = shifted(x[batch], generator)
            keep = torch.rand(len(batch), generator=generator) < 0.5
            images = torch.where(keep[:, None, None, None], x[batch], moved)
            loss = nn.functional.cross_entropy(net(images), y[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    folder = Path(__file__).parent.parent / "examples"
    parser.add_argument("-o", "--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--epochs", type=whole(1), default=60)
    parser.add_argument("--threads", type=whole(1), default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    digits = load_digits()
    images = digits.images.astype(np.uint8)[:, None]
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=TEST_IMAGES, random_state=SEED, stratify=digits.target
    )
    net = train(torch.tensor(train_x) / 16, torch.tensor(train_y), args.epochs)
    with torch.no_grad():
        right = (net(torch.tensor(test_x) / 16).argmax(1).numpy() == test_y).sum()
    print(f"test: {right} of {len(test_y)} right, {100 * right / len(test_y):.2f} %")

    args.output.mkdir(parents=True, exist_ok=True)
    save_model(to_onnx(net), args.output / "digits.onnx")
    np.savez_compressed(args.output / "digits_test.npz", x=test_x, y=test_y.astype(np.uint8))
    np.savez_compressed(
        args.output / "digits_calibration.npz",
        x=train_x[:CALIBRATION_IMAGES],
        y=train_y[:CALIBRATION_IMAGES].astype(np.uint8),
    )


if __name__ == "__main__":
    run(main)
