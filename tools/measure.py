"""Measures real networks from end to end with `snnc` and prints the table as Markdown.

    SNNIR_DATA=... python tools/measure.py [--models a,b] [--settings x,y] [--verify N] [--synth]

For each network and setting: compile time, accuracy of the C program beside the float network on
the whole test set, whether interp, C and RTL are equal on N images, clocks, and what Yosys counts.
Every figure comes from the JSON that `snnc` prints; nothing is computed here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from accuracy import MODELS
from datasets import sample_file

NORMALISE = {
    "mnist-8": ["--input-scale", "1"],
    "mnist": ["--input-scale", "0.00392156862745098"],
    "cifar10": [
        *("--mean", "0.4914,0.4822,0.4465"),
        *("--std", "0.2471,0.2435,0.2616"),
    ],
}

SETTINGS = {
    "radix-4-w8": ["--coding", "radix", "--timesteps", "4", "--weight-bits", "8"],
    "radix-4-w4": ["--coding", "radix", "--timesteps", "4", "--weight-bits", "4"],
    "radix-8-w8": ["--coding", "radix", "--timesteps", "8", "--weight-bits", "8"],
    "rate-8-causal": ["--coding", "rate", "--timesteps", "8"],
    "rate-8-after": ["--coding", "rate", "--timesteps", "8", "--emission", "after"],
    "rate-16-causal": ["--coding", "rate", "--timesteps", "16"],
    "rate-16-after": ["--coding", "rate", "--timesteps", "16", "--emission", "after"],
}

COLUMNS = (
    "network", "setting", "samples", "float %", "C %", "points", "equal", "images",
    "cycles c", "cycles rtl", "us/image", "LUT", "FF", "BRAM36", "DSP", "compile s",
)  # fmt: skip


def snnc(*arguments: str, timeout: int = 3600) -> tuple[int, dict]:
    """Exit status and JSON of one `snnc` command; an error line ends the measurement."""
    done = subprocess.run(
        [sys.executable, "-m", "snnir.tools.snnc", *arguments, "--json"],
        capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
    if not done.stdout.strip():
        sys.exit(f"snnc {' '.join(arguments)}\n{done.stderr}")
    return done.returncode, json.loads(done.stdout)


def work_folder(given: Path | None, name: str) -> Path:
    """The folder for builds: the given one, or a new temporary one."""
    work = given or Path(tempfile.mkdtemp(prefix=f"snnir-{name}-"))
    work.mkdir(parents=True, exist_ok=True)
    return work


def prepare(root: Path, kind: str, folder: Path) -> tuple[Path, Path]:
    """Test and calibration files of a data set, written once."""
    test, calibration = (
        sample_file(root, kind, split, folder) for split in ("test", "calibration")
    )
    return test, calibration


def measure(root: Path, name: str, setting: str, folder: Path, verify: int, synth: bool) -> dict:
    """One row of the table."""
    path, kind, _ = MODELS[name]
    test, calibration = prepare(root, kind, folder)
    build = folder / f"{name}-{setting}"
    row: dict[str, object] = {"network": name, "setting": setting}
    begin = time.perf_counter()
    snnc(
        "compile", str(root / path), "-o", str(build), "--calibration", str(calibration),
        *NORMALISE.get(name, NORMALISE[kind]), *SETTINGS[setting],
    )  # fmt: skip
    row["compile s"] = f"{time.perf_counter() - begin:.1f}"
    _, run = snnc("run", str(build), "--input", str(test))
    row["samples"] = run["samples"]
    row["float %"] = f"{100 * run['float_accuracy']:.2f}"
    row["C %"] = f"{100 * run['accuracy']:.2f}"
    row["points"] = f"{100 * (run['accuracy'] - run['float_accuracy']):+.2f}"
    row["us/image"] = f"{1e6 * run['seconds_per_sample']:.0f}"
    if verify:
        status, found = snnc(
            "verify", str(build), "--input", str(test), "--limit", str(verify),
            "--engines", "interp,c,rtl",
        )  # fmt: skip
        row["equal"] = "yes" if found["equal"] and status == 0 else "NO"
        row["images"] = found["samples"]
        for engine in ("c", "rtl"):
            row[f"cycles {engine}"] = found["cycles"][engine]
    if synth:
        _, used = snnc("synth", str(build))
        for column, key in (("LUT", "lut"), ("FF", "ff"), ("BRAM36", "bram36"), ("DSP", "dsp")):
            row[column] = used["used"][key]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SNNIR_DATA"))
    parser.add_argument("--models", default="mnist-8")
    parser.add_argument("--settings", default="radix-4-w8")
    parser.add_argument("--verify", type=int, default=0, metavar="N")
    parser.add_argument("--synth", action="store_true")
    parser.add_argument("--work", type=Path, help="keep the build folders here")
    args = parser.parse_args()
    if args.data is None:
        parser.error("name the data folder with --data or SNNIR_DATA")
    work = work_folder(args.work, "measure")
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for name in args.models.split(","):
        for setting in args.settings.split(","):
            row = measure(Path(args.data), name, setting, work, args.verify, args.synth)
            print("| " + " | ".join(str(row.get(c, "")) for c in COLUMNS) + " |", flush=True)


if __name__ == "__main__":
    main()
