"""The neurons that are shipped, and those of a user's file or text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from snnir.errors import UserError
from snnir.neurons.lowering import Neuron, lower
from snnir.neurons.parser import parse

FOLDER = Path(__file__).parent
SUFFIX = ".neuron"


def shipped() -> dict[str, Path]:
    """Name -> file of the neurons that come with the compiler."""
    return {path.stem: path for path in sorted(FOLDER.glob(f"*{SUFFIX}"))}


def read_neuron(text: str, file: str = "neuron", **options: str) -> Neuron:
    """The neuron that a text defines.

    Args:
        file: how errors name the text.
        options: what is chosen of the neuron's options.

    Raises:
        UserError: the text is wrong, with its place.
    """
    return lower(parse(text, file), options)


def load_neuron(name: str, options: Mapping[str, str] | None = None) -> Neuron:
    """A shipped neuron by its name, or the one in a file.

    Raises:
        UserError: there is none, or it is wrong.
    """
    found = _loaded(name, tuple(sorted((options or {}).items())))
    return replace(found, op=found.op.clone())


@cache
def _loaded(name: str, options: tuple[tuple[str, str], ...]) -> Neuron:
    return lower(parse(*_text(name)), dict(options))


def _text(name: str) -> tuple[str, str]:
    """The text of a neuron, and how messages name it."""
    known = shipped()
    if re.fullmatch(r"\w+", name):
        if name not in known:
            raise UserError(
                f"no neuron is called '{name}'",
                hint=f"give a file, or one of {', '.join(known)}",
            )
        path = known[name]
    else:
        path = Path(name)
    try:
        return path.read_text(encoding="utf-8"), name if path.parent != FOLDER else path.name
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=name) from None
    except UnicodeDecodeError:
        raise UserError("is no text", where=name) from None
