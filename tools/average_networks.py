"""Writes the mean of trained networks of one form, such as those of a training that went on.

    python tools/average_networks.py A.onnx B.onnx [C.onnx ...] -o MEAN.onnx

The files have the same nodes and tensors of the same shapes, as `tools/train_cifar10.py` writes
them when one is trained from the other (`--start`).
"""

import argparse
from pathlib import Path

from recipes import run

from snnir.tools.files import write_bytes
from snnir.training.averaging import averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.onnx")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MEAN.onnx")
    args = parser.parse_args()

    model = averaged(args.files)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(str(args.output), model.SerializeToString())


if __name__ == "__main__":
    run(main)
