"""Builds the Verilator simulator of a printed core and runs images through it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnir.errors import UserError
from snnir.runtime import verilator
from snnir.runtime.counted import Counted, read_counted
from snnir.schedule.loading import DDR, Ddr

MAIN = Path(__file__).with_name("testbench.cpp")
READ_PINS = Path(__file__).with_name("read_pins.h")
MAPS_PORT = Path(__file__).with_name("maps_port.h")
COUNTERS_HEADER = Path(__file__).with_name("testbench_counters.h")
CORE = "core"
"""Name of the simulated module: `convert-pe-to-hw` makes it below the top level."""


@dataclass(frozen=True)
class Memory:
    """The DDR of a core that loads its weights, or moves its maps.

    Args:
        weights: the stream of weights.
        ddr: latency and rate.
        pauses: other than 0, a seed by which it pauses at random besides.
        fault: the beat that is answered with an error, -1 for none; at the port `fault_port`.
        maps: bytes for feature maps, of a core that moves them.
        maps_faults: the beat that is read there and the burst that is written that are answered
            with `answer`, -1 for none.
        reset: other than 0, the clock in which everything is reset once, of a core that moves maps.
    """

    weights: bytes
    ddr: Ddr = DDR
    pauses: int = 0
    fault: int = -1
    fault_port: int = 0
    maps: int = 0
    maps_faults: tuple[int, int] = (-1, -1)
    answer: int = 2
    reset: int = 0


@dataclass
class Traces:
    """What a simulation saw.

    `potentials` int64 (N, outputs), `cycles` int64 (N,); `layers` int64 (N, L, 4): clocks, events,
    clocks that fired and that stored per row of the layer table; `fired`, `stored` uint16
    (clocks, lanes), all trains in the order of the hardware, of all images; `counted`, what its
    counters said, if that was asked for.
    """

    potentials: np.ndarray
    cycles: np.ndarray
    layers: np.ndarray
    fired: np.ndarray
    stored: np.ndarray
    counted: Counted | None = None


def build_simulator(
    files: Sequence[Path],
    cache: Path,
    ports: int = 0,
    counters: bool = False,
    maps: bool = False,
    windows: bool = False,
) -> Path:
    """The simulator of the core among the Verilog files.

    Args:
        ports: through how many ports the core loads its weights from DDR, 0 for none.
        counters: whether it has counters.
        maps: whether it moves feature maps.
        windows: whether it is told which images are the first of a sample.

    Raises:
        UserError: Verilator, make or a C++ compiler is missing, or refuses the files.
    """
    options = ["-CFLAGS", f"-DSNNIR_STREAM={ports}"] if ports else []
    options += ["-CFLAGS", "-DSNNIR_COUNTERS"] if counters else []
    options += ["-CFLAGS", "-DSNNIR_MAPS"] if maps else []
    options += ["-CFLAGS", "-DSNNIR_WINDOWS"] if windows else []
    headers = [READ_PINS] if ports else []
    headers += [MAPS_PORT] if maps else []
    headers += [COUNTERS_HEADER] if counters else []
    return verilator.build(list(files), CORE, MAIN, cache, options=options, headers=headers)


def simulate(
    simulator: Path,
    folder: Path,
    frames: np.ndarray,
    *,
    outputs: int,
    layers: int,
    lanes: int,
    planes: int,
    record: bool = True,
    counted: bool = False,
    seed: int = 0,
    memory: Memory | None = None,
    firsts: np.ndarray | None = None,
) -> Traces:
    """Run images one after another.

    Args:
        folder: where the memory images are.
        frames: uint8 (N, H, W, C).
        outputs, layers: number of potentials, rows of the layer table.
        lanes, planes: trains that the neurons make in a clock, and bits of each.
        record: keep the trains.
        counted: keep what the counters say, of a core that has them.
        seed: other than 0, both streams pause at random.
        memory: where the weights come from, if they are not in the core.
        firsts: for each image whether it is the first of a sample, for a core that keeps states.

    Raises:
        UserError: the simulation fails.
    """
    images = len(frames)
    with tempfile.TemporaryDirectory() as scratch:
        data, out = Path(scratch) / "frames", Path(scratch) / "out"
        data.write_bytes(np.ascontiguousarray(frames, np.uint8).tobytes())
        size = frames[0].size
        if firsts is not None:
            (Path(scratch) / "frames.first").write_bytes(np.asarray(firsts, np.uint8).tobytes())
        arguments = [data, size, outputs, layers, out, seed, int(record) + 2 * counted]
        if memory is not None:
            weights = Path(scratch) / "weights"
            weights.write_bytes(memory.weights)
            ddr = memory.ddr
            arguments += [weights, ddr.latency, ddr.rate, memory.pauses]
            arguments += [memory.fault, memory.fault_port]
            if memory.maps:
                arguments += [memory.maps, *memory.maps_faults, memory.answer, memory.reset]
        result = subprocess.run(
            [str(simulator.resolve()), *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            said = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
            raise UserError(
                f"the simulation ended with status {result.returncode}: {said[-1]}",
                where=str(folder),
            )

        traces = read_traces(out, images, outputs, layers, lanes, planes)
        traces.counted = read_counted(out) if counted else None
        return traces


def read_traces(
    out: Path, images: int, outputs: int, layers: int, lanes: int, planes: int
) -> Traces:
    """What a simulation wrote to the files `out`.results and so on."""

    def read(name: str, kind) -> np.ndarray:
        path = out.with_suffix(f".{name}")
        return np.fromfile(path, kind) if path.exists() else np.zeros(0, kind)

    row = np.dtype([("potentials", np.int32, (outputs,)), ("cycles", np.int64)])
    results = read("results", row)
    return Traces(
        results["potentials"].astype(np.int64).reshape(images, outputs),
        results["cycles"],
        read("layers", np.int64).reshape(images, layers, 4),
        lanes_of(read("fired", np.uint8), lanes, planes),
        lanes_of(read("stored", np.uint8), lanes, planes),
    )


def lanes_of(data: np.ndarray, lanes: int, planes: int) -> np.ndarray:
    """The trains (clocks, lanes) in the bytes of integers that hold all lanes."""
    bits = lanes * planes
    # Verilator keeps up to 64 bits in the C type that they need, more in words of 32.
    size = next((s for s in (1, 2, 4, 8) if bits <= 8 * s), -(-bits // 32) * 4)
    rows = data.reshape(-1, size)
    words = np.zeros((len(rows), bits // 64 + 2), np.uint64)
    words.view(np.uint8)[:, :size] = rows
    trains = np.zeros((len(rows), lanes), np.uint16)
    for lane in range(lanes):
        word, shift = divmod(lane * planes, 64)
        low = words[:, word] >> np.uint64(shift)
        high = words[:, word + 1] << np.uint64(64 - shift) if shift else np.uint64(0)
        trains[:, lane] = (low | high) & np.uint64((1 << planes) - 1)
    return trains
