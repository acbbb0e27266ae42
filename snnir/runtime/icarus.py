"""Icarus Verilog, where it is on PATH: a second opinion on printed Verilog, and quick runs."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from snnir.errors import UserError


def available() -> bool:
    return shutil.which("iverilog") is not None


def _compile(files: Sequence[Path], top: str, output: Path | str, standard: str) -> list[str]:
    if not available():
        raise UserError("Icarus Verilog is not installed", hint="install iverilog")
    command = ["iverilog", "-Wall", f"-g{standard}", "-s", top, "-o", str(output), *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    messages = (result.stderr + result.stdout).splitlines()
    if result.returncode and not messages:
        messages = [f"iverilog ended with status {result.returncode}"]
    return messages


def lint(files: Sequence[Path], top: str) -> list[str]:
    """What `iverilog -Wall` has to say in Verilog-2001 mode, line by line; [] if nothing."""
    return _compile(files, top, "/dev/null", "2001")


def run(files: Sequence[Path], top: str, workdir: Path, standard: str = "2001") -> str:
    """Compile and run a test bench; what it printed.

    Raises:
        UserError: Icarus is missing, or the files do not compile.
    """
    program = workdir / f"{top}.vvp"
    messages = _compile(files, top, program, standard)
    if not program.exists():
        raise UserError(f"iverilog: {' | '.join(messages[:3])}", where=top)
    return subprocess.run(
        ["vvp", "-n", str(program)], cwd=workdir, capture_output=True, text=True, check=True
    ).stdout
