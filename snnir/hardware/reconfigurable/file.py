"""Machine files: JSON that says all of a machine, checked when it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snnir.errors import UserError
from snnir.hardware.reconfigurable.machine import FORMAT, VERSION, Machine

_AGAIN = "make one with: snnc compile MODEL --reconfigurable -o DIR"


def machine_json(fields: dict[str, Any]) -> str:
    """A machine's fields as text: a line for each field, and for each table's columns."""
    lines = []
    for key, value in fields.items():
        if key == "columns":
            inner = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f'  "columns": {{\n{inner}\n  }}')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_machine(path: str | Path) -> Machine:
    """The machine in a file.

    Raises:
        UserError: there is no such file, or it holds no machine, one of another version, or one
            that was changed.
    """
    where = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UserError(f"cannot read the machine: {why}", where=where, hint=_AGAIN) from error
    try:
        fields = json.loads(text)
        kind, version = fields["format"], fields["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError("it is no machine file", where=where, hint=_AGAIN) from error
    if kind != FORMAT:
        raise UserError("it is no machine file", where=where, hint=_AGAIN)
    if version != VERSION:
        raise UserError(
            f"a machine of version {version}, this is {VERSION}", where=where, hint=_AGAIN
        )
    try:
        machine = Machine.from_fields(fields)
        same = f"{machine.identity:08x}" == fields["identity"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError("damaged: it is not what was written", where=where, hint=_AGAIN) from error
    if not same:
        raise UserError(
            "it was changed after it was written: the identity is another one",
            where=where,
            hint=_AGAIN,
        )
    return machine
