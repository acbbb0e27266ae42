"""Build folders: what `snnc compile` writes, found again, checked and opened.

manifest.json         how it was made, what is in it, hashes of all its files
model.onnx            a copy of the model, for the float baseline
ir/NN-<stage>.mlir    the program after each stage
c/  verilog/          the printed program
verilog/synthesis/    files that synthesis for the target takes in place of those of the same name
machine.json          of a reconfigurable build: all that its Verilog depends on
program.bin           and the program as data for it,
weights.bin           and its weights, as they lie in DDR
calibration.npz       a few of the samples that it was calibrated with
.cache/               what compiling and running left behind (statistics of calibration data,
                      programs, simulators); may be deleted
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir import __version__
from snnir.errors import UserError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from snnir.schedule.loading import Ddr
    from snnir.schedule.program import ProgramTables

FORMAT = 4
"""Counts up when older folders can no longer be read."""

MANIFEST = "manifest.json"
CACHE = ".cache"
GATHERED = f"{CACHE}/calibration"
"""What compiling gathered from calibration data."""

_AGAIN = "compile it again"


class BuildFolder:
    """A folder that `snnc compile` wrote, whole and unchanged."""

    def __init__(self, path: str | Path):
        """Open a folder.

        Raises:
            UserError: it is no build folder, of another version, or its files were changed.
        """
        self.path = Path(path)
        self.manifest: dict[str, Any] = self._read_manifest()
        self._check_files()

    def _read_manifest(self) -> dict[str, Any]:
        where = str(self.path)
        make = "make one with: snnc compile MODEL -o DIR"
        if not self.path.is_dir():
            what = "not a folder" if self.path.exists() else "no such build folder"
            raise UserError(what, where=where, hint=make)
        file = self.path / MANIFEST
        if not file.is_file():
            raise UserError(f"not a build folder: it holds no {MANIFEST}", where=where, hint=make)
        try:
            manifest = json.loads(file.read_bytes())
            version, layout = manifest["snnir"], manifest["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                "damaged: it is not what was written", where=str(file), hint=_AGAIN
            ) from error
        if layout != FORMAT or version != __version__:
            raise UserError(
                f"made by snnir {version}, this is {__version__}", where=where, hint=_AGAIN
            )
        if manifest.get("seal") != seal(manifest):
            raise UserError("it was changed after it was written", where=str(file), hint=_AGAIN)
        return manifest

    def _check_files(self) -> None:
        for name, digest in self.manifest["files"].items():
            file = self.path / name
            if not file.is_file():
                raise UserError(
                    f"damaged build folder: {name} is missing", where=str(self.path), hint=_AGAIN
                )
            if file_hash(file) != digest:
                raise UserError(
                    "it was changed after it was compiled", where=str(file), hint=_AGAIN
                )

    @property
    def model(self) -> Path:
        """The model's copy."""
        return self.path / self.manifest["model"]["file"]

    @property
    def cache(self) -> Path:
        """A folder for what engines build and want to find again."""
        folder = self.path / CACHE
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot write: {error.strerror}",
                where=str(folder),
                hint="engines need to build programs there: copy the build folder elsewhere",
            ) from error
        return folder

    def ddr(self, latency: int | None = None, gbps: float | None = None) -> Ddr | None:
        """The memory of weights and maps, the target's unless given; None where none is needed.

        Args:
            latency: clocks from a request to its first data.
            gbps: bandwidth of all ports together [GB/s].

        Raises:
            UserError: there is no such memory.
        """
        from snnir.schedule.loading import Ddr
        from snnir.targets import Target

        if not self.tables.uses_ddr:
            return None
        target = Target(**self.manifest["target"])
        return Ddr.of(target, self.tables.read_ports, gbps, latency)

    @property
    def has_verilog(self) -> bool:
        return self.manifest["verilog"] is not None

    def stage(self, role: str) -> ModuleOp:
        """The program at a stage: `snn` (integers, before tiling), `pe` (scheduled) or `hw`."""
        return read_ir(self.path / self.manifest["stages"][role])

    @property
    def windows(self) -> int:
        """Windows of a sample; 0 for any number."""
        return self.manifest["input"]["windows"]

    @cached_property
    def tables(self) -> ProgramTables:
        """The tables of the scheduled program."""
        from snnir.dialects.pe import ProgramOp
        from snnir.schedule.reading import read_program

        return read_program(next(op for op in self.pe.ops if isinstance(op, ProgramOp)))

    @cached_property
    def snn(self) -> ModuleOp:
        return self.stage("snn")

    @cached_property
    def pe(self) -> ModuleOp:
        return self.stage("pe")

    def calibration(self) -> Path | None:
        """The samples that are kept from calibration, if there were any."""
        name = self.manifest["calibration"]
        return self.path / name if name else None


def read_ir(path: Path) -> ModuleOp:
    """The module in a file of IR that a build folder holds."""
    from xdsl.context import Context
    from xdsl.dialects import get_all_dialects
    from xdsl.parser import Parser

    from snnir.universe import UNIVERSE

    ctx = Context()
    for name, factory in {**get_all_dialects(), **UNIVERSE.all_dialects}.items():
        ctx.register_dialect(name, factory)
    return Parser(ctx, path.read_text(), str(path)).parse_module()


def file_hash(path: Path) -> str:
    """Of megabytes of weights and IR: the fastest of the standard hashes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _blake2b).hexdigest()


def data_hash(data: bytes) -> str:
    """The `file_hash` of a file that holds `data`."""
    return _blake2b(data).hexdigest()


def _blake2b(data: bytes = b"") -> hashlib.blake2b:
    return hashlib.blake2b(data, digest_size=32)


def seal(manifest: dict[str, Any]) -> str:
    """A hash over all of a manifest but the seal itself."""
    rest = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
