"""Runs outside programs for the runtime: one place for logs, errors and progress notes."""

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from snnir.errors import UserError
from snnir.runtime.progress import step


def content_key(parts: Iterable[str | bytes | Path]) -> str:
    """A hash over texts and the contents of files, for caches."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def run_logged(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path,
    env: dict[str, str] | None = None,
) -> None:
    """Run a command with its output in a log file.

    Raises:
        UserError: it fails; the message has the first lines of the log that say why.
    """
    with step(what), log.open("w") as stream:
        status = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=env,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
    if status:
        raise UserError(
            f"{what} failed with status {status}: {first_errors(log.read_text(errors='replace'))}",
            hint=f"the whole log is {log}",
        )


def first_errors(text: str, count: int = 3) -> str:
    """The first lines of a log that speak of errors, or else its first lines."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()] or lines or ["no output"]
    return " | ".join(telling[:count])
