"""Writes a folder as a whole: it is made beside its place and put there when it is complete."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snnir.errors import UserError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `path` when the block ends without an error.

    Raises:
        UserError: where nothing can be written.
    """
    target = path.resolve()
    parent = next(p for p in target.parents if p.exists())
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        # mkdtemp makes a folder for its owner alone; this one is to be like any other.
        staging.chmod(0o777 & ~_umask())
        yield staging
        _put(staging, target)
    except OSError as error:
        # Of what the block reads, an error names another file; a full disk names none.
        if error.filename is None or str(error.filename).startswith(str(staging)):
            raise cannot_write(path, error) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def cannot_write(path: Path, error: OSError, option: str = "-o") -> UserError:
    """What a folder that cannot be written is answered with; `option` names another."""
    return UserError(
        f"cannot write: {error.strerror or error}",
        where=str(path),
        hint=f"choose another folder with {option}",
    )


def _put(staging: Path, target: Path) -> None:
    """Swap the finished folder in; what was there before goes last."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        staging.rename(target)
        return
    old = staging.with_name(f"{staging.name}.old")
    target.rename(old)
    try:
        staging.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    # There is no way to read it but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
