"""Trains LeNet-5 on MNIST: examples/lenet5.onnx.

    pip install -e '.[train]' && SNNIR_DATA=... python tools/train_lenet5.py

The form is that of spiking accelerators (ReLU and max pooling in place of the sigmoids of the
original): 6 maps of 5x5 (padded by 2), 2x2, 16 maps of 5x5, 2x2, 120, 84 and 10 neurons. The
network takes pixel / 255 (`snnc compile --input-scale 1/255`). All 60,000 training images are used;
the 10,000 test images decide about nothing.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86 (1998).
"""

import math
import sys
from pathlib import Path

from datasets import read
from extras import torch
from onnx import TensorProto, checker, helper, numpy_helper, save_model
from recipes import run
from torch import nn

from snnir.tools.arguments import whole
from snnir.tools.errors import ArgumentParser
from snnir.training.augment import distorted

SEED = 7
BATCH = 128


class LeNet5(nn.Module):
    """(1, 28, 28) -> 10 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.dense1 = nn.Linear(400, 120)
        self.dense2 = nn.Linear(120, 84)
        self.dense3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = nn.functional.max_pool2d(self.conv2(x).relu(), 2).flatten(1)
        return self.dense3(self.dense2(self.dense1(x).relu()).relu())


def to_onnx(net: LeNet5):
    """The network as ONNX, one node per step of `forward`, the batch dimension open."""
    weights = [numpy_helper.from_array(v.numpy(), name) for name, v in net.state_dict().items()]
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}

    def node(op: str, inputs: list[str], name: str, **attributes):
        return helper.make_node(op, inputs, [name], name=name, **attributes)

    def layer(op: str, source: str, name: str, **attributes):
        return node(op, [source, f"{name}.weight", f"{name}.bias"], name, **attributes)

    nodes = [
        layer("Conv", "image", "conv1", kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        node("Relu", ["conv1"], "relu1"),
        node("MaxPool", ["relu1"], "pool1", **pool),
        layer("Conv", "pool1", "conv2", kernel_shape=[5, 5]),
        node("Relu", ["conv2"], "relu2"),
        node("MaxPool", ["relu2"], "pool2", **pool),
        node("Flatten", ["pool2"], "flatten", axis=1),
        layer("Gemm", "flatten", "dense1", transB=1),
        node("Relu", ["dense1"], "relu3"),
        layer("Gemm", "relu3", "dense2", transB=1),
        node("Relu", ["dense2"], "relu4"),
        layer("Gemm", "relu4", "dense3", transB=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])
    logits = helper.make_tensor_value_info("dense3", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "lenet5", [image], [logits], weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="snnir"
    )
    checker.check_model(model, full_check=True)
    return model


def train(x: torch.Tensor, y: torch.Tensor, epochs: int) -> LeNet5:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    net = LeNet5()
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    steps = epochs * math.ceil(len(x) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            logits = net(distorted(x[batch], generator))
            loss = nn.functional.cross_entropy(logits, y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(x):.4f}", file=sys.stderr)
    return net.eval()


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    folder = Path(__file__).parent.parent / "examples"
    parser.add_argument("-o", "--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the idx files (SNNIR_DATA)")
    parser.add_argument("--epochs", type=whole(1), default=60)
    parser.add_argument("--threads", type=whole(1), default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    (train_x, train_y), (test_x, test_y) = (
        map(torch.tensor, read("mnist", split, args.data)) for split in ("train", "test")
    )
    net = train(train_x / 255, train_y, args.epochs)
    with torch.no_grad():
        right = int((net(test_x / 255).argmax(1) == test_y).sum())
    print(f"test: {right} of {len(test_y)} right, {100 * right / len(test_y):.2f} %")
    args.output.mkdir(parents=True, exist_ok=True)
    save_model(to_onnx(net), args.output / "lenet5.onnx")


if __name__ == "__main__":
    run(main)
