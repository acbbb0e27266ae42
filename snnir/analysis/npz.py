"""Reads arrays from .npz files, which users make by hand and get wrong in many ways."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from snnir.errors import UserError

HINT = "make it with numpy.savez(FILE, x=inputs, y=labels)"


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays `x` and, if there is one, `y` of a file.

    Raises:
        UserError: the file is no .npz archive of plain arrays, or has no `x`.
        OSError: it cannot be opened.
    """
    where = str(path)
    with open(path, "rb") as file:
        if file.read(4) != b"PK\x03\x04":
            raise UserError("not an .npz archive", where=where, hint=HINT)
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "x" not in archive:
                names = ", ".join(archive.files) or "nothing"
                raise UserError(
                    f"no array 'x' in the archive, only {names}", where=where, hint=HINT
                )
            return {name: archive[name] for name in ("x", "y") if name in archive}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"cannot be read as an .npz archive of plain arrays: {error}", where=where, hint=HINT
        ) from error
