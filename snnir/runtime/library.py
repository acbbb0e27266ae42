"""Printed C as a shared library: built once for each content, loaded, and asked what it holds."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from snnir.errors import UserError
from snnir.runtime.engine import check_frames
from snnir.runtime.programs import content_key, run_logged

_FLAGS = ("-std=c99", "-fPIC", "-shared")
FAST = ("-O3", "-march=native", "-fopenmp")


class _Map(ctypes.Structure):
    _fields_ = [
        ("label", ctypes.c_char_p),
        ("offset", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
    ]


def compiler() -> str:
    """The C compiler: $CC, gcc or cc.

    Raises:
        UserError: there is none.
    """
    wanted = os.environ.get("CC")
    for name in (wanted,) if wanted else ("gcc", "cc"):
        if path := shutil.which(name):
            return path
    raise UserError(
        f"no C compiler found ({wanted or 'gcc, cc'})", hint="install gcc, or name one in $CC"
    )


def _machine() -> str:
    """What -march=native depends on: a library must not be found again on another processor."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return " ".join(os.uname())
    return "\n".join(sorted(set(re.findall(r"^(?:flags|Features|model name)\s*:.*$", text, re.M))))


def build_library(
    sources: Mapping[str, str],
    cache: Path,
    names: Sequence[str],
    options: Sequence[str] = FAST,
) -> Path:
    """The shared library of the printed program; found again while nothing has changed.

    Args:
        sources: file name to text, as `c_sources` gives them.
        cache: the folder that keeps libraries, one for each content.
        names: the files of the library.
        options: further arguments of the compiler; left out one by one, from the last, if it
            fails with them (not every compiler has OpenMP or knows its processor).

    Raises:
        UserError: no compiler, no place to write, or the compiler fails.
    """
    program = compiler()
    texts = [sources[name] for name in names]
    stamp = str(Path(program).stat().st_mtime_ns)
    key = content_key([program, stamp, _machine(), *_FLAGS, *options, *texts])
    folder = cache.resolve() / f"c-{key[:16]}"
    library = folder / "model.so"
    if library.exists():
        return library
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_text(sources[name])
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror}", where=str(folder)) from error
    # Built under another name, so that nobody finds half a library.
    part = folder / f"model.{os.getpid()}.so"
    files = ["-o", part.name, *(name for name in names if name.endswith(".c"))]
    for count in range(len(options), -1, -1):
        try:
            command = [program, *_FLAGS, *options[:count], *files]
            run_logged(f"compiling {files[2]}", command, folder / "build.log", cwd=folder)
            break
        except UserError:
            if count == 0:
                raise
    part.replace(library)
    return library


class PrintedLibrary:
    """A printed C program, loaded: the names and sizes that its header gives.

    Args:
        sources: file name to text, as they are printed or lie in a build folder.
        cache: folder for the library.
        options: of the compiler, see `build_library`.

    `FILES` are its sources, the first of them its header; `SUFFIX` is what its functions' common
    prefix ends in, behind the network's name. `prefix` is that of this program, `sizes` what the
    header defines, `maps` of each map the label, where its trains begin, and (C, H, W).

    Raises:
        UserError: it cannot be built or loaded.
    """

    FILES: ClassVar[tuple[str, ...]]
    SUFFIX: ClassVar[str] = ""
    OPTIONS: ClassVar[tuple[str, ...]] = FAST

    def __init__(
        self, sources: Mapping[str, str], cache: Path, options: Sequence[str] | None = None
    ):
        missing = [name for name in self.FILES if name not in sources]
        if missing:
            raise UserError(f"the C program lacks {', '.join(missing)}", hint="compile it again")
        options = self.OPTIONS if options is None else options
        path = build_library(sources, Path(cache), self.FILES, options)
        header = sources[self.FILES[0]]
        prefix = re.search(rf"^size_t (\w+{self.SUFFIX})_state_size\(void\);", header, re.M)
        if prefix is None:
            name = self.FILES[0]
            raise UserError(f"{name} is not one that snnir printed", hint="compile it again")
        self.prefix = prefix[1]
        define = rf"^#define {self.prefix.upper()}_(\w+) (\d+)$"
        self.sizes = {name: int(value) for name, value in re.findall(define, header, re.M)}
        try:
            self.library = ctypes.CDLL(str(path))
        except OSError as error:
            raise UserError(f"cannot load the C program: {error}", where=str(path)) from error
        self.threads = os.cpu_count() or 1
        maps = (_Map * self.sizes["MAPS"]).in_dll(self.library, f"{self.prefix}_maps")
        self.maps = [(m.label.decode(), m.offset, (m.channels, m.height, m.width)) for m in maps]

    @classmethod
    def from_folder(cls, folder: Path, cache: Path):
        """The program of printed sources in a folder."""
        try:
            sources = {name: (folder / name).read_text() for name in cls.FILES}
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(error.filename)) from error
        return cls(sources, cache)

    def function(self, name: str, result, *arguments):
        """A function of the program, with its types."""
        found = getattr(self.library, f"{self.prefix}_{name}")
        found.restype, found.argtypes = result, list(arguments)
        return found

    def check(self, frames: np.ndarray) -> None:
        """Whether images are those that the program takes."""
        sides = ("IMAGE_HEIGHT", "IMAGE_WIDTH", "IMAGE_CHANNELS")
        check_frames(frames, tuple(self.sizes[side] for side in sides))
