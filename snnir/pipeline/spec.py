"""Reads pass pipelines and target options, `a{x=1 y=2.5,3},b`, and builds what they name.

The grammar is mlir-opt's, where white space is free, values may be bare paths and the anchor
`builtin.module(...)` is optional:

    pipeline ::= `builtin.module` `(` list `)` | list
    list     ::= (spec (`,` spec)*)?
    spec     ::= name (`{` (key (`=` value (`,` value)*)?)* `}`)?
    value    ::= string-literal | any characters but white space , { } = "
"""

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, ArgSpecConvertible, ParameterListType
from xdsl.utils.hints import isa

from snnir.errors import UserError, did_you_mean

_ANCHOR = re.compile(r"\s*builtin\.module\s*\((.*)\)\s*", re.DOTALL)
_NAME = re.compile(r"\s*([A-Za-z0-9_][\w.-]*)\s*")
_STRING = re.compile(r'\s*"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(r'\s*([^\s,{}="]+)')
_INTEGER = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?")

ConvertibleT = TypeVar("ConvertibleT", bound=ArgSpecConvertible)


def parse_pipeline(text: str) -> list[ArgSpec]:
    """The passes that a pipeline names, with their options as written.

    Raises:
        UserError: where the text does not follow the grammar.
    """
    anchor = _ANCHOR.fullmatch(text)
    return _Reader(anchor[1] if anchor else text).pipeline()


def parse_spec(text: str) -> ArgSpec:
    """A single name with options, as `-t` takes it."""
    reader = _Reader(text)
    spec = reader.spec()
    if not reader.at_end():
        reader.fail("expected nothing more")
    return spec


def build_passes(text: str, available: Mapping[str, Callable[[], type[ModulePass]]]):
    """The passes of a pipeline, made and checked before any of them runs."""
    return [build(spec, available, "pass") for spec in parse_pipeline(text)]


def find(name: str, available: Mapping[str, Callable[[], type[Any]]], kind: str) -> type[Any]:
    """The class behind the name of a pass or target.

    Raises:
        UserError: for a name that nobody registered or whose module cannot be imported.
    """
    if name not in available:
        lists = {"pass": "--list-passes", "target": "--list-targets"}
        hint = did_you_mean(name, available) or f"snn-opt {lists[kind]} shows them all"
        raise UserError(f"unknown {kind} '{name}'", hint=hint)
    try:
        return available[name]()
    except ImportError as error:
        raise UserError(f"{kind} '{name}' cannot be imported: {error}") from error


def build(spec: ArgSpec, available: Mapping[str, Callable[[], type[Any]]], kind: str) -> Any:
    """The pass or target that a spec names, with its options converted to their types.

    Raises:
        UserError: for an unknown name or option, a missing option or a value of the wrong type.
    """
    cls = find(spec.name, available, kind)
    types_of = option_types(cls)
    given: dict[str, ParameterListType] = {}
    for key, value in spec.parameters.items():
        field = key.replace("-", "_")
        if field not in types_of:
            known = [name.replace("_", "-") for name in types_of]
            options = f"its options are {', '.join(known)}" if known else "it has no options"
            raise UserError(
                f"{kind} '{spec.name}' has no option '{key}'",
                hint=did_you_mean(key.replace("_", "-"), known) or options,
            )
        given[field] = _convert(value, types_of[field], f"option '{key}' of {kind} '{spec.name}'")
    for field in sorted(cls.required_fields() - given.keys()):
        option = f"'{field.replace('_', '-')}' ({type_text(types_of[field])})"
        raise UserError(f"{kind} '{spec.name}' needs option {option}")
    try:
        return cls.from_spec(ArgSpec(spec.name, given))
    except (ValueError, UserError) as error:
        detail = error.what if isinstance(error, UserError) else str(error)
        hint = error.hint if isinstance(error, UserError) else None
        raise UserError(f"{kind} '{spec.name}': {detail}", hint=hint) from error


def option_types(cls: type[ArgSpecConvertible]) -> dict[str, Any]:
    """Option name, as a field, -> its type."""
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.init and f.name != "name"}


def type_text(hint: Any) -> str:
    """A type as a person writes it: `int`, `float,...`, `max|percentile`."""
    if get_origin(hint) in (Union, types.UnionType):
        return "|".join(type_text(part) for part in get_args(hint) if part is not types.NoneType)
    if get_origin(hint) is Literal:
        return "|".join(str(choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return ",".join("..." if part is ... else type_text(part) for part in get_args(hint))
    return getattr(hint, "__name__", str(hint))


def _convert(value: ParameterListType, hint: Any, option: str) -> ParameterListType:
    """Values as the option's type wants them: `4` serves a float, a bare flag means true."""
    leaves = _leaves(hint)
    if not value and bool in leaves:
        return (True,)
    converted = tuple(_scalar(item, leaves) for item in value)
    if len(converted) == 1 and isa(converted[0], hint) or isa(converted, hint):
        return converted
    if not converted and types.NoneType in leaves:
        return ()
    written = ",".join(str(item).lower() if isinstance(item, bool) else str(item) for item in value)
    raise UserError(
        f"{option} takes {type_text(hint)}, not {repr(written) if value else 'nothing'}",
        hint=did_you_mean(written, [leaf for leaf in leaves if isinstance(leaf, str)]),
    )


def _leaves(hint: Any) -> set[Any]:
    """The scalar types and literal values inside of a type."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if get_args(hint):
        return set().union(*(_leaves(part) for part in get_args(hint) if part is not ...))
    return {hint}


def _scalar(value: Any, leaves: set[Any]) -> Any:
    if type(value) in leaves or value in leaves:
        # bool is an int to Python; an option that counts must not take `true`.
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if float in leaves and isinstance(value, int):
        return float(value)
    return str(value) if str in leaves else value


class _Reader:
    """A recursive-descent reader over one pipeline text."""

    def __init__(self, text: str):
        self.text, self.position = text, 0

    def pipeline(self) -> list[ArgSpec]:
        specs: list[ArgSpec] = []
        while not self.at_end():
            if specs:
                self.expect(",", "expected ',' between passes")
            specs.append(self.spec())
        return specs

    def spec(self) -> ArgSpec:
        name = self.take(_NAME)
        if name is None:
            self.fail("expected a name")
        if self.peek() == "(":
            self.fail(f"nested pipeline '{name}(...)' is not supported")
        options: dict[str, ParameterListType] = {}
        if self.accept("{"):
            while not self.accept("}"):
                key = self.take(_NAME)
                if key is None:
                    self.fail("expected an option or '}'")
                if key in options:
                    self.fail(f"option '{key}' is given twice")
                options[key] = self.values() if self.accept("=") else ()
        return ArgSpec(name, options)

    def values(self) -> ParameterListType:
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        return tuple(values)

    def value(self) -> str | int | float | bool:
        if (string := self.take(_STRING)) is not None:
            return re.sub(r"\\(.)", r"\1", string)
        word = self.take(_BARE)
        if word is None:
            self.fail("expected a value")
        if word in ("true", "false"):
            return word == "true"
        if _INTEGER.fullmatch(word):
            return int(word)
        return float(word) if _FLOAT.fullmatch(word) else word

    def take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[1]

    def peek(self) -> str:
        return self.text[self.position :].lstrip()[:1]

    def accept(self, mark: str) -> bool:
        if self.peek() != mark:
            return False
        self.position = self.text.index(mark, self.position) + 1
        return True

    def expect(self, mark: str, message: str) -> None:
        if not self.accept(mark):
            self.fail(message)

    def at_end(self) -> bool:
        return not self.peek()

    def fail(self, message: str):
        rest = self.text[self.position :].strip()
        found = f"at '{rest[:20]}'" if rest else "at the end"
        raise UserError(f"{message} {found}", where=f"pipeline '{' '.join(self.text.split())}'")
