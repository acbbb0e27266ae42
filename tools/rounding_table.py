"""Accuracy after post-training quantisation by weight bits, computed by the C program.

    SNNIR_DATA=... python tools/rounding_table.py [--samples N] [--models a,b] [--bits 8,6,4,3]
        [--timesteps T] [--coding radix|rate] [--rounding R]

Needs the data folder (models/, data/), a C compiler, and onnxruntime for the float column.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from snnir.pipeline.flow import Flow
from snnir.runtime.build import BuildFolder
from snnir.runtime.encode import real_inputs
from snnir.runtime.engines import run_engine
from snnir.runtime.float_model import FloatModel
from snnir.tools.compiling import compile_model

sys.path.insert(0, str(Path(__file__).parent))
from accuracy import MODELS, data  # noqa: E402

NORM = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2471, 0.2435, 0.2616)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--bits", default="8,6,4,3")
    parser.add_argument("--timesteps", type=int, default=4)
    parser.add_argument("--coding", default="radix")
    parser.add_argument("--rounding", default=None)
    args = parser.parse_args()
    root = Path(os.environ["SNNIR_DATA"])
    setting = f"{args.coding} T={args.timesteps}, rounding {args.rounding or 'auto'}"
    print(f"| network ({setting}) | bits | samples | float | C program | lost | compiled in [s] |")
    print("|---|---|---|---|---|---|---|")
    for name in args.models.split(","):
        path, kind, scale = MODELS[name]
        images, labels, calibration = data(root, kind, args.samples)
        pixels = NORM if kind == "cifar10" else {"input_scale": float(scale.split("=")[1])}
        for bits in map(int, args.bits.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                np.savez(f"{folder}/c.npz", x=calibration)
                flow = Flow(
                    calibration=f"{folder}/c.npz",
                    coding=args.coding,
                    timesteps=args.timesteps,
                    weight_bits=bits,
                    rounding=args.rounding,
                    verilog=False,
                    **pixels,
                )
                start = time.perf_counter()
                compile_model(root / path, Path(folder) / "build", flow)
                seconds = time.perf_counter() - start
                build = BuildFolder(Path(folder) / "build")
                found = run_engine("fast", build, images, trains=False).potentials.argmax(1)
                x = real_inputs(build.manifest["input"], images)
                expected = FloatModel(build.model).predictions(x)
            right, wanted = (found == labels).mean(), (expected == labels).mean()
            print(
                f"| {name} | {bits} | {len(labels):,} | {wanted:.2%} | {right:.2%} | "
                f"{100 * (wanted - right):+.2f} | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
