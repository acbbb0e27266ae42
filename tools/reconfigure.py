"""Runs several networks on one simulated machine, one after another and back to the first.

    snnc compile A.onnx -o a --reconfigurable ...
    snnc compile B.onnx -o b --array a/machine.json ...
    python tools/reconfigure.py a b

All in one process of the simulator, on the Verilog of the first build; the others must hold the
same. Every train, potential and clock count is compared with the C program's, with weights from the
target's DDR. The images are those that the builds keep from calibration.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from snnir.backends.memory import weight_stream
from snnir.errors import UserError
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.encode import encode_frames
from snnir.runtime.machine_bench import Script, build_simulator, check_loaded
from snnir.runtime.machine_engine import MachineEngine
from snnir.runtime.samples import load_for
from snnir.tools.errors import run_tool
from snnir.tools.tables import duration, number, table


def open_builds(folders: list[str]) -> list[BuildFolder]:
    """The builds, all of one machine and with the same Verilog."""
    builds = [BuildFolder(folder) for folder in folders]
    for build in builds:
        if build.manifest["machine"] is None:
            raise UserError(
                "its program is fixed in the hardware",
                where=str(build.path),
                hint="compile it with --reconfigurable, or --array FILE",
            )
        for name in builds[0].manifest["verilog"] or []:
            if build.manifest["files"].get(name) != builds[0].manifest["files"][name]:
                raise UserError(
                    f"{name} is not that of {builds[0].path}",
                    where=str(build.path),
                    hint=f"compile it with --array {builds[0].path}/machine.json",
                )
    return builds


def frames_of(build: BuildFolder, images: int) -> np.ndarray:
    kept = build.calibration()
    if kept is None:
        raise UserError("it keeps no samples", where=str(build.path), hint="use --calibration")
    samples = load_for(build.manifest, str(kept)).first(images)
    return encode_frames(build.manifest["input"], samples.x)


def differences(result, reference) -> list[str]:
    """What the hardware and C disagree about."""
    found = [
        name
        for name in ("potentials", "cycles")
        if not np.array_equal(getattr(result, name), getattr(reference, name))
    ]
    for name in ("trains", "layer_cycles", "events"):
        expected, actual = getattr(reference, name), getattr(result, name)
        found += [
            f"{name} of {label}"
            for label in expected.keys() & actual.keys()
            if not np.array_equal(actual[label], expected[label])
        ]
    return found


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="DIR", help="builds of one machine")
    parser.add_argument("--images", type=int, default=1, help="of each network (1)")
    options = parser.parse_args(arguments)
    builds = open_builds(options.folders)
    order = [*builds, builds[0]]
    verilog = builds[0].path / "verilog"
    ports, ddr = builds[0].tables.array.ports, builds[0].ddr()
    files = sorted(verilog.glob("*.v"))
    script = Script(build_simulator(files, builds[0].cache / "verilator", ports)).ddr(ddr)
    frames = {build.path: frames_of(build, options.images) for build in builds}
    images = {build.path: (build.path / "program.bin").read_bytes() for build in builds}
    for build in order:
        script.load(images[build.path], weight_stream(build.tables))
        script.images(build.tables, frames[build.path])
    start = time.perf_counter()
    told = script.run()
    seconds = time.perf_counter() - start
    rows, wrong = [], 0
    for build, status, traces in zip(order, told[::2], told[1::2], strict=True):
        check_loaded(status)
        if traces is None:
            raise UserError("the core stopped", where=str(build.path))
        image, count = images[build.path], len(frames[build.path])
        engine = MachineEngine(verilog, build.tables, image, builds[0].cache)
        result = engine.result(traces, count, True, 0.0)
        engine = CEngine.from_folder(build.path / "c", build.cache)
        reference = engine.run(frames[build.path], ddr=ddr)
        found = differences(result, reference)
        wrong += len(found)
        rows.append(
            (
                build.path.name,
                number(len(image)),
                number(count),
                number(float(result.cycles.mean())),
                number(sum(trains.size for trains in result.trains.values())),
                ", ".join(found) or "nothing",
            )
        )
    headers = ("build", "program [bytes]", "images", "cycles", "trains", "different from C")
    print(table(headers, rows))
    print(
        f"\nmachine {builds[0].manifest['machine']['identity']}, simulated in {duration(seconds)}"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(run_tool(run, sys.argv[1:]))
