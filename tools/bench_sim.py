"""Time an image takes in the fast C engine and in other simulators of the same spiking network.

    python tools/bench_sim.py BUILD [BUILD ...] --input X.npz [--threads 1,2] [--batches 1,32]
        [--rounds 5] [--seconds 0.4] [--json]

Each BUILD is a folder that snnc compile made. Rate-coded chains are also run by snnTorch,
SpikingJelly, sinabs and, unrolled over the steps, by onnxruntime (`pip install 'snnir[bench]'`;
what is not installed is left out); whatever the coding, onnxruntime runs the float network. All
get the same integers as weights, and whether all predict the same is printed. In each of the
rounds everybody runs in turn, after a warm-up; the numbers are the least of the rounds' medians, of
the time on the clock and of the processor's time, which others on the machine disturb less. The
load average stands beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("builds", nargs="+", type=Path, metavar="BUILD")
    parser.add_argument("--input", type=Path, required=True, metavar="X.npz")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--batches", type=numbers, default=[1, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each round and simulator")
    parser.add_argument("--cores", type=numbers, help="that are used, the last ones unless given")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def simulators(build, batch: int, threads: int, pixels: np.ndarray, real: np.ndarray) -> dict:
    """Name to (function of no argument that runs one batch, its predictions for that batch)."""
    from snnir.runtime.fastmodel import FastEngine

    engine = FastEngine.from_folder(build.path / "c", build.cache)
    engine.threads = threads
    frames = np.ascontiguousarray(pixels[:batch].transpose(0, 2, 3, 1))
    floats = pixels[:batch].astype(np.float32)
    potentials = np.empty((batch, engine.sizes["OUTPUTS"]), np.int32)

    def ours() -> np.ndarray:
        engine.run_into(frames, potentials)
        return potentials

    found = {"snnir": ours}
    if build.manifest["options"]["coding"] == "rate":
        found |= _others(build.snn, floats, threads)
    session, name = _session(str(build.model), threads)
    shape = build.manifest["input"]["shape"]
    inputs = real[:batch].astype(np.float32).reshape(batch, *shape[-3:])
    try:
        session.run(None, {name: inputs})
        found["onnxruntime float"] = lambda: session.run(None, {name: inputs})[0]
    except Exception as error:
        # Its exceptions have no common base class; a model may be fixed to one image.
        print(f"onnxruntime float, batch {batch}: left out, {str(error).splitlines()[0]}")
    return found


def _others(module, floats: np.ndarray, threads: int) -> dict:
    from sim_networks import read_layers, torch_networks, unrolled_onnx

    layers, found = read_layers(module), {}
    steps = max(op.results[0].type.steps.data for op in module.walk() if op.name == "snn.fire")
    try:
        import torch

        torch.set_num_threads(threads)
    except ImportError:
        print("torch is not installed: snntorch, spikingjelly and sinabs are left out")
    else:
        for name, run in torch_networks(layers, steps).items():
            found[name] = lambda run=run: run(floats)
    session, name = _session(unrolled_onnx(layers, steps, floats.shape), threads)
    found["onnxruntime unrolled"] = lambda: session.run(None, {name: floats})[0]
    return found


def _session(model, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name


def measure(run, seconds: float) -> np.ndarray:
    """Median time of a call, and of the processor in it [s], over as many calls as fit."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start, start_cpu = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start, time.process_time() - start_cpu))
    return np.median(times, axis=0)


def worker(args: argparse.Namespace) -> list[dict]:
    """All measurements with one number of threads."""
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.encode import encode_frames, real_inputs
    from snnir.runtime.samples import load_for

    rows = []
    for folder in args.builds:
        build = BuildFolder(folder)
        samples = load_for(build.manifest, str(args.input)).first(max(args.batches))
        pixels = encode_frames(build.manifest["input"], samples.x).transpose(0, 3, 1, 2)
        real = real_inputs(build.manifest["input"], samples.x)
        for batch in args.batches:
            found = simulators(build, batch, args.worker, pixels, real)
            predictions = {}
            for name, run in found.items():
                run()
                predictions[name] = np.asarray(run()).reshape(batch, -1).argmax(1)
            best = {name: np.full(2, np.inf) for name in found}
            loads = []
            for _ in range(args.rounds):
                for name, run in found.items():
                    best[name] = np.minimum(best[name], measure(run, args.seconds))
                loads.append(os.getloadavg()[0])
            for name in found:
                same = int((predictions[name] == predictions["snnir"]).sum())
                wall, cpu = best[name] * 1e3 / batch
                rows.append(
                    {
                        "network": folder.name,
                        "threads": args.worker,
                        "batch": batch,
                        "simulator": name,
                        "ms": wall,
                        "cpu_ms": cpu,
                        "times": float(wall / (best["snnir"][0] * 1e3 / batch)),
                        "same": same,
                        "load": max(loads),
                    }
                )
    return rows


def main() -> int:
    args = parse()
    if args.worker:
        print("ROWS" + json.dumps(worker(args)))
        return 0
    cores = args.cores or sorted(os.sched_getaffinity(0))
    rows = []
    for threads in args.threads:
        own = cores[-threads:]
        variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        command = [sys.executable, __file__, *sys.argv[1:], "--worker", str(threads)]
        result = subprocess.run(
            command,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda own=own: os.sched_setaffinity(0, own),
        )
        for line in result.stdout.splitlines():
            if line.startswith("ROWS"):
                rows += json.loads(line[4:])
            elif not args.json:
                print(line)
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    print(
        "| network | threads | batch | simulator | ms an image | of processor | to ours "
        "| same class | load |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['network']} | {row['threads']} | {row['batch']} | {row['simulator']} "
            f"| {row['ms']:.3f} | {row['cpu_ms']:.3f} | {row['times']:.1f} "
            f"| {row['same']} of {row['batch']} | {row['load']:.1f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
