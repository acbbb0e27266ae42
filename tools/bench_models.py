"""Checks the models of `snnc explore`: estimates against what Yosys counts and C measures.

    python tools/bench_models.py [--designs a,b] [--builds DIR ...] [--work DIR] [--fit]

Designs of the digits example are compiled and synthesised one after another (some minutes each;
`--work` keeps them and what Yosys found). `--builds` adds build folders that `snnc synth` has
counted already. `--fit` prints coefficients of least squared relative error for
`snnir/schedule/resources.py`. Tables are in Markdown, errors in per cent of what was counted.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import snnc, work_folder

from snnir.dialects.pe_types import ArrayParameters
from snnir.runtime.build import BuildFolder
from snnir.runtime.engines import run_engine
from snnir.runtime.samples import load_for
from snnir.schedule import resources
from snnir.tiling.clocks import Activity, Estimator
from snnir.tiling.layers import plan_network
from snnir.tiling.shape import shape_of

EXAMPLES = Path(__file__).parent.parent / "examples"

SAMPLES = 8

DESIGNS = {
    "a": "--array 4,8,4,1 --weight-bits 8",
    "b": "--array 8,8,4,1 --weight-bits 4",
    "c": "--array 8,8,4,4 --weight-bits 4",
    "d": "--array 8,16,4,1 --weight-bits 4",
    "e": "--array 4,4,4,1 --weight-bits 4",
    "f": "--array 8,8,4,1 --weight-bits 8",
    "g": "--array 16,8,4,1 --weight-bits 4",
    "h": "--array 4,16,8,1 --weight-bits 4 --timesteps 8",
    "i": "--array 8,8,8,1 --weight-bits 8 --coding rate --timesteps 8",
    "j": "--array 8,8,4,2 --weight-bits 4",
    "k": "--array 2,16,4,2 --weight-bits 6",
    "l": "--array 8,16,4,2 --weight-bits 4 --weights stream",
    "m": "--array 4,16,4,1 --weight-bits 4 --coding rate --timesteps 4",
    "n": "--array 8,16,8,4 --weight-bits 4 --timesteps 8",
}


@dataclass(frozen=True)
class Counted:
    """A design: its array, what Yosys counts, what the estimates say."""

    name: str
    array: ArrayParameters
    rate: bool
    lut: int
    ff: int
    bram36: float
    bram36_estimate: int
    cycles: float
    cycles_estimate: float


def built(name: str, work: Path) -> Path:
    """The build folder of a design of the digits example."""
    folder = work / name
    if not folder.exists():
        data = ["--calibration", str(EXAMPLES / "digits_calibration.npz"), "--input-scale", "1/16"]
        model = str(EXAMPLES / "digits.onnx")
        snnc("compile", model, "-o", str(folder), *data, *shlex.split(DESIGNS[name]))
    return folder


def count(name: str, folder: Path) -> Counted:
    """Synthesise a build (or take what was found before) and estimate the same."""
    from snnir.tiling.memory_estimate import memories_of

    used = snnc("synth", str(folder))[1]["used"]
    build = BuildFolder(folder)
    tables, samples = build.tables, load_for(build.manifest, build.calibration()).first(SAMPLES)
    ran = run_engine("c", build, samples.x, trains=True)
    shape = shape_of(plan_network(build.snn), tables.array.weight_bits)
    trains = tuple(ran.trains[label] != 0 for label in shape.labels[1:])
    estimator = Estimator(shape, Activity(ran.trains["input"].astype(np.uint8), trains))
    rows = estimator.rows(tables.array)
    memories = memories_of(shape, tables.array, tables.ring or sum(rows))
    return Counted(
        name=name,
        array=tables.array,
        rate=build.manifest["options"]["coding"] == "rate",
        lut=used["lut"],
        ff=used["ff"],
        bram36=used["bram36"],
        bram36_estimate=sum(memory.bram36 for memory in memories),
        cycles=float(ran.cycles.mean()),
        cycles_estimate=cycles_of(estimator, build, rows),
    )


def cycles_of(estimator: Estimator, build: BuildFolder, rows: list[int]) -> float:
    from snnir.tiling.clocks import streamed_cycles

    tables = build.tables
    layers = estimator.layers(tables.array)
    if tables.ring:
        return streamed_cycles(layers, rows, tables.array, tables.ring, build.ddr())
    return float(np.mean(sum(layer.total for layer in layers)))


def table(designs: list[Counted]) -> str:
    """The designs, one a row; the last rows are the mean and the largest error."""
    lines = [
        "| design | K x C x P, L | bits w/acc/v | LUT | error | FF | error | BRAM36 | error "
        "| cycles | error |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    errors = []
    for d in designs:
        a = d.array
        pairs = (
            (d.lut, resources.estimate_luts(a, d.rate)),
            (d.ff, resources.estimate_ffs(a, d.rate)),
            (d.bram36, d.bram36_estimate),
            (d.cycles, d.cycles_estimate),
        )
        errors.append([100 * (guess / true - 1) for true, guess in pairs])
        cells = " | ".join(
            f"{true:,.4g} | {error:+.1f} %" if true < 1000 else f"{true:,.0f} | {error:+.1f} %"
            for (true, _), error in zip(pairs, errors[-1], strict=True)
        )
        size = f"{a.banks} x {a.channels} x {a.planes}, {a.drain}"
        kind = f"{a.weight_bits}/{a.acc_bits}/{a.membrane_bits}{' rate' if d.rate else ''}"
        lines.append(f"| {d.name} | {size} | {kind} | {cells} |")
    found = np.abs(np.array(errors))
    for word, values in (("mean", found.mean(axis=0)), ("largest", found.max(axis=0))):
        lines.append(f"| {word} | | | " + " | ".join(f"| {v:.1f} %" for v in values) + " |")
    return "\n".join(lines)


def fit(terms: list[dict[str, float]], counts: list[int]) -> dict[str, float]:
    """Coefficients, none negative, of least squared relative error."""
    names = list(terms[0])
    weights = 1 / np.array(counts, float)
    columns = np.array([[row[name] for name in names] for row in terms]) * weights[:, None]
    used = list(range(len(names)))
    while True:
        found = np.linalg.lstsq(columns[:, used], np.ones(len(counts)), rcond=None)[0]
        if (found >= 0).all():
            break
        used.pop(int(np.argmin(found)))
    values = dict.fromkeys(names, 0.0)
    values |= {names[i]: float(f"{v:.3g}") for i, v in zip(used, found, strict=True)}
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", default=",".join(DESIGNS))
    parser.add_argument("--builds", nargs="*", type=Path, default=[])
    parser.add_argument("--work", type=Path, help="keep the build folders here")
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    work = work_folder(args.work, "models")
    designs = [count(name, built(name, work)) for name in args.designs.split(",") if name]
    designs += [count(folder.name, folder) for folder in args.builds]
    print(table(designs))
    if args.fit:
        luts, ffs = (
            fit([terms(d.array, d.rate) for d in designs], [getattr(d, kind) for d in designs])
            for terms, kind in ((resources.lut_terms, "lut"), (resources.ff_terms, "ff"))
        )
        print(f"\nLUT_PER = {luts}\nFF_PER = {ffs}")


if __name__ == "__main__":
    main()
