"""Descriptions in TOML, shipped by name or given by path: how one is found and read."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from snnir.errors import UserError


def shipped(folder: Path) -> list[str]:
    """The names of the files that a folder ships."""
    return sorted(path.stem.replace("_", "-") for path in folder.glob("*.toml"))


def find(name_or_path: str, folder: Path, kind: str) -> Path:
    """A shipped file by its name, or a file of the user's by its path.

    Args:
        kind: what the file describes, for messages: `target`.

    Raises:
        UserError: the name is unknown.
    """
    names = shipped(folder)
    if name_or_path in names:
        return folder / f"{name_or_path.replace('-', '_')}.toml"
    path = Path(name_or_path)
    if path.suffix == ".toml" or "/" in name_or_path:
        return path
    close = get_close_matches(name_or_path, names, n=1)
    raise UserError(
        f"unknown {kind} '{name_or_path}'",
        hint=f"did you mean '{close[0]}'?" if close else f"use one of {_or_file(names)}",
    )


def read(path: Path, folder: Path, kind: str) -> dict[str, Any]:
    """What a file holds.

    Raises:
        UserError: it cannot be read, or is no TOML.
    """
    where = str(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read the {kind}: {error.strerror or error}",
            where=where,
            hint=f"give a .toml file or one of {', '.join(shipped(folder))}",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not a TOML file: {error}", where=where) from None


def check_names(given: Any, known: Any, where: str) -> None:
    """That all fields are known.

    Raises:
        UserError: the first that is not.
    """
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"fields are {', '.join(known)}"
            raise UserError(f"unknown field '{name}'", where=where, hint=hint)


def _or_file(names: list[str]) -> str:
    return f"{', '.join(names)}, or a .toml file"
