"""Builds the Verilator simulator of a machine whose program is data, and runs scripts on it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snnir.errors import UserError
from snnir.hardware.reconfigurable import registers
from snnir.hardware.reconfigurable.faults import FAULTS, STATUS_BITS
from snnir.runtime import verilator
from snnir.runtime.testbench import Traces, read_traces
from snnir.schedule.loading import DDR, Ddr
from snnir.schedule.program import ProgramTables

MAIN = Path(__file__).with_name("machine_bench.cpp")
READ_PINS = MAIN.with_name("read_pins.h")
SYSTEM = "system"
"""Name of the simulated module: `convert-pe-to-hw{machine=...}` makes it below the top level."""

PROGRAM_AT, WEIGHTS_AT = 0x10000000, 0x20000000
"""Where in the DDR a program and its weights are put."""

PATIENCE = 10_000_000
"""Clocks that a program may take to come."""


def state_bit(name: str) -> int:
    """A bit of the status register as a mask."""
    return 1 << STATUS_BITS + registers.STATE.index(name)


def build_simulator(files: Sequence[Path], cache: Path, ports: int) -> Path:
    """The simulator of the machine among the Verilog files.

    Args:
        ports: its read ports.

    Raises:
        UserError: Verilator, make or a C++ compiler is missing, or refuses the files.
    """
    options = ("-CFLAGS", f"-DSNNIR_STREAM={ports}")
    return verilator.build(list(files), SYSTEM, MAIN, cache, options=options, headers=[READ_PINS])


@dataclass
class Script:
    """Commands for the test bench, in order; `run` tells what came of them.

    Each `read`, `wait` and `load` tells a number, each `images` Traces, or None where the core
    stopped.
    """

    simulator: Path
    lines: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    runs: list[tuple[ProgramTables, int]] = field(default_factory=list)

    def _file(self, data: bytes) -> str:
        self.files.append(data)
        return f"file{len(self.files) - 1}"

    def command(self, *words: object) -> Script:
        self.lines.append(" ".join(map(str, words)))
        return self

    def memory(self, address: int, data: bytes) -> Script:
        """The DDR holds these bytes at an address."""
        return self.command("memory", address, self._file(data))

    def ddr(self, ddr: Ddr = DDR, pauses: int = 0) -> Script:
        return self.command("ddr", ddr.latency, ddr.rate, pauses)

    def write(self, register: str, value: int) -> Script:
        return self.command("write", registers.address_of(register), value)

    def read(self, register: str) -> Script:
        return self.command("read", registers.address_of(register))

    def wait(self, mask: int, value: int, clocks: int = PATIENCE) -> Script:
        """Wait for bits of the status register."""
        return self.command("wait", registers.address_of("status"), mask, value, clocks)

    def load(
        self, program: bytes, weights: bytes, length: int | None = None, wait: bool = True
    ) -> Script:
        """Put a program into the memory, load it, and wait until it is there or has failed.

        Args:
            length: what the core is told of the program's length, if it is not the truth.
        """
        self.memory(PROGRAM_AT, program).memory(WEIGHTS_AT, weights)
        self.write("program_address", PROGRAM_AT)
        self.write("program_bytes", len(program) if length is None else length)
        self.write("weights_address", WEIGHTS_AT).write("weights_bytes", len(weights))
        self.write("control", 1 << registers.LOAD | 1 << registers.ENABLE)
        if not wait:
            return self
        # In the first clocks the load is still to come.
        self.command("clocks", 8)
        return self.wait(state_bit("loading") | state_bit("resetting"), 0)

    def images(
        self, tables: ProgramTables, frames: np.ndarray, record: bool = True, seed: int = 0
    ) -> Script:
        """Run images through the program that is loaded."""
        self.runs.append((tables, len(frames)))
        name = self._file(np.ascontiguousarray(frames, np.uint8).tobytes())
        out = f"out{len(self.runs) - 1}"
        sizes = (frames[0].size, tables.potentials, len(tables.layers))
        return self.command("run", name, *sizes, out, seed, int(record))

    def feed(self, frames: np.ndarray, clocks: int) -> Script:
        """Give bytes of images for some clocks, and look at nothing."""
        name = self._file(np.ascontiguousarray(frames, np.uint8).tobytes())
        return self.command("feed", name, clocks)

    def run(self) -> list[int | Traces | None]:
        """Run the commands on a core that was just reset.

        Raises:
            UserError: the simulation fails.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            for index, data in enumerate(self.files):
                (folder / f"file{index}").write_bytes(data)
            (folder / "script").write_text("\n".join(self.lines) + "\n")
            result = subprocess.run(
                [str(self.simulator.resolve()), "script"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode:
                said = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
                raise UserError(f"the simulation ended with status {result.returncode}: {said[-1]}")
            return self._told(folder, result.stdout.splitlines())

    def _told(self, folder: Path, lines: Sequence[str]) -> list[int | Traces | None]:
        told: list[int | Traces | None] = []
        runs = iter(enumerate(self.runs))
        for line in lines:
            what, *words = line.split()
            if what == "read":
                told.append(int(words[1]))
                continue
            index, (tables, images) = next(runs)
            sizes = (images, tables.potentials, len(tables.layers))
            array = tables.array
            traces = None
            if words == ["0"]:
                traces = read_traces(folder / f"out{index}", *sizes, array.drain, array.planes)
            told.append(traces)
        return told


def check_loaded(status: int) -> None:
    """Raise where a status register says that a program was not loaded.

    Raises:
        UserError: it was not; the message says why.
    """
    code = status & ((1 << STATUS_BITS) - 1)
    if code or not status & state_bit("loaded"):
        why = FAULTS.get(code, "it takes too long")
        raise UserError(f"the program is not loaded: status {code}, {why}")
