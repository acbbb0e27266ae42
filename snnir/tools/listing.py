"""What the tool can say about itself: passes, targets, and the options of one of them."""

import dataclasses
import inspect
from typing import Any

from xdsl.utils.arg_spec import ArgSpecConvertible

from snnir.errors import UserError
from snnir.pipeline.plugins import multiverse, universes
from snnir.pipeline.spec import find, option_types, type_text


def docstring(cls: type[Any]) -> str:
    """The class's own docstring, without the signature that `dataclass` writes where none is."""
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    return "" if text.startswith(f"{cls.__name__}(") else text


def list_all(kind: str, plural: str) -> str:
    """One line for each pass or target: name and first docstring line, by package."""
    order = sorted(universes(), key=lambda package: (package != "snnir", package == "xdsl"))
    parts: list[str] = []
    for package in order:
        table = getattr(universes()[package], f"all_{plural}")
        if not table:
            continue
        width = max(map(len, table))
        parts.append(f"{package}:")
        for name in sorted(table):
            try:
                first = docstring(find(name, table, kind)).split("\n")[0]
            except UserError as error:
                first = f"({error.what})"
            parts.append(f"  {name:{width}}  {first}".rstrip())
    return "\n".join(parts) + "\n"


def describe_pass(name: str) -> str:
    """A pass's documentation and its options with types and defaults."""
    cls = find(name, multiverse().all_passes, "pass")
    lines = [f"{name}: {docstring(cls) or '(not documented)'}", "", "options:"]
    lines += [f"  {line}" for line in _options(cls)] or ["  none"]
    return "\n".join(lines) + "\n"


def _options(cls: type[ArgSpecConvertible]) -> list[str]:
    hints = option_types(cls)
    lines: list[str] = []
    for field in dataclasses.fields(cls):
        if field.name not in hints:
            continue
        default: Any = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        text = f"{field.name.replace('_', '-')}: {type_text(hints[field.name])}"
        if field.name in cls.required_fields():
            text += " (required)"
        elif default is not dataclasses.MISSING and default is not None:
            text += f" = {_value(default)}"
        lines.append(text)
    return lines


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_value, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
