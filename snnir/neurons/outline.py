"""What a neuron's text declares: its parameters, options, states and tables, and its phases."""

from __future__ import annotations

import re
from collections.abc import Iterator

from snnir.dialects.snn_neuron import CODINGS, EMISSIONS
from snnir.neurons import syntax
from snnir.neurons.expressions import Reader, Scope, Value, curve_points
from snnir.neurons.nodes import Graph, Node
from snnir.neurons.syntax import At, Definition, Type

CURRENT, LEFT, STEP, SPIKE = "I", "left", "step", "spike"

TICK, PENDING = "tick", "pending"
"""States that nobody writes down: the steps so far, and spikes that are still to be sent."""

TAKEN = {CURRENT, LEFT, STEP, SPIKE, "i", "channel", "channels", "steps", "clk", "rst", "train"}
TAKEN |= {"membrane", "group", "fraction", "accumulators", "mode", "random", "when", "delayed"}
TAKEN |= {"min", "max", "abs", "clamp", "int", "bits", "pi"}
"""Names that mean something already, here or in what is generated."""

MAX_DELAY = 15
MAX_ENTRY = 1 << 30


class Outline:
    """A definition, read as far as single names go.

    Args:
        options: of the neuron's options those that are not the default.
    """

    def __init__(self, definition: Definition, options: dict[str, str]):
        self.definition, self.given = definition, options
        self.graph = Graph()
        self.places: dict[str, At] = {}
        self.types: dict[str, Type] = {}
        self.states: list[syntax.State] = []
        self.settings: dict[str, str] = {}
        self.constants: dict[str, Value] = {}
        self.options: dict[str, int | str] = {}
        self.tables: dict[str, tuple[int, ...]] = {}
        self.curves: dict[str, syntax.Curve] = {}
        self.registers: dict[At, str] = {}
        self.calls: list[syntax.Call] = []
        self.start: dict[str, Node] = {}
        self.spikes: list[syntax.Spike] = []
        self.phases: dict[str, list[syntax.Statement]] = {"integrate": [], "settle": [], "fire": []}
        self.params: list[syntax.Param] = list(definition.params)
        self.uses_step = False

        self.read()

    def read(self) -> None:
        for param in self.params:
            self.declare_param(param)
        syntax.walk(self.definition.body, self.option)
        body = tuple(self.decided(self.definition.body))
        syntax.walk(body, self.declare)
        self.sort(body)
        self.check_settings()
        self.add_hidden()

    @property
    def emission(self) -> str:
        return self.settings.get("emission", "causal")

    @property
    def coding(self) -> str | None:
        return self.settings.get("coding")

    def name(self, name: str, at: At) -> None:
        if name in TAKEN or re.fullmatch(r"current\d*", name):
            raise at.error(f"the name '{name}' is taken", "choose another one")
        if name in self.places:
            raise at.error(f"'{name}' has a meaning already, from {self.places[name]}")
        self.places[name] = at

    def declare_param(self, param: syntax.Param) -> None:
        self.name(param.name, param.at)
        if param.name[-1] in "_0123456789":
            raise param.at.error(
                f"parameter '{param.name}' ends in a digit or _",
                "the hardware numbers its lanes like that: choose another name",
            )
        if param.type is not None and param.type.bits is not None:
            raise param.at.error(
                "a parameter has no width, it is proven", f"write fix.{param.type.fraction}"
            )
        if param.name in ("theta", "bias") and (param.value or param.type):
            raise param.at.error(
                f"{param.name} is what quantise makes of a layer",
                "leave out what follows its name",
            )

    def declare(self, statement: syntax.Statement) -> None:
        match statement:
            case syntax.Setting():
                allowed = CODINGS if statement.key == "coding" else EMISSIONS
                if statement.word not in allowed:
                    raise statement.at.error(
                        f"unknown {statement.key} '{statement.word}'",
                        f"{statement.key} is {' or '.join(allowed)}",
                    )
                if statement.key in self.settings:
                    raise statement.at.error(f"{statement.key} is said twice")
                self.settings[statement.key] = statement.word
            case syntax.State():
                self.name(statement.name, statement.at)
                self.types[statement.name] = statement.type or Type()
                self.states.append(statement)
            case syntax.Curve():
                self.name(statement.name, statement.at)
                self.curves[statement.name] = statement
                self.tables[statement.name] = curve_points(statement)
            case syntax.Table():
                self.name(statement.name, statement.at)
                reader = Reader(Scope(self.graph, dict(self.constants)))
                entries = [reader.whole(v, "entry of a table") for v in statement.values]
                for entry, value in zip(entries, statement.values, strict=True):
                    if abs(entry) >= MAX_ENTRY:
                        raise value.at.error(f"{entry} does not fit the 31 bits of a membrane")
                self.tables[statement.name] = tuple(entries)
            case syntax.Spike():
                self.spikes.append(statement)
                if statement.delay > MAX_DELAY:
                    raise statement.at.error(
                        f"a delay of {statement.delay} steps, allowed are 0 to {MAX_DELAY}"
                    )
        for expression in syntax.parts(statement):
            self.uses_step |= isinstance(expression, syntax.Name) and expression.text == STEP
            if isinstance(expression, syntax.Call) and expression.name == "random":
                count = len(self.registers) + 1
                self.registers[expression.at] = "lfsr" if count == 1 else f"lfsr_{count}"
                self.calls.append(expression)

    def option(self, option: syntax.Statement) -> None:
        if not isinstance(option, syntax.Option):
            return
        self.name(option.name, option.at)
        given = self.given.get(option.name)
        if option.span is not None:
            low, high, default = option.span
            chosen = default if given is None else _whole(given)
            if chosen is None or not low <= chosen <= high:
                raise option.at.error(
                    f"option {option.name} is {given or default}, allowed are {low} to {high}"
                )
            self.options[option.name] = chosen
            self.constants[option.name] = Value(self.graph.number(chosen))
            return
        word = option.words[0] if given is None else given
        if word not in option.words:
            raise option.at.error(
                f"option {option.name} is {word}, allowed are {', '.join(option.words)}"
            )
        for number, each in enumerate(option.words):
            if each not in self.constants:
                self.name(each, option.at)
                self.constants[each] = Value(self.graph.number(number))
        self.options[option.name] = word
        self.constants[option.name] = Value(self.graph.number(option.words.index(word)))

    def sort(self, body: tuple[syntax.Statement, ...]) -> None:
        """Which phase each statement belongs to, from the order in which they stand."""
        phase = "integrate"
        for statement in body:
            match statement:
                case syntax.Setting() | syntax.Option() | syntax.State():
                    continue
                case syntax.Curve() | syntax.Table():
                    continue
                case syntax.Block(kind="at end"):
                    if phase != "integrate":
                        raise statement.at.error("'at end' stands in front of the spike")
                    self.phases["settle"] += statement.body
                    phase = "settle"
                    continue
                case syntax.Block(kind="emit"):
                    phase = "fire"
                    self.phases["fire"] += statement.body
                    continue
                case syntax.Spike():
                    phase = "fire"
            if phase == "settle":
                raise statement.at.error(
                    "only the spike stands behind 'at end'",
                    "indent this line, or put it behind 'spike when'",
                )
            self.phases[phase].append(statement)

    def decided(self, body: tuple[syntax.Statement, ...]) -> Iterator[syntax.Statement]:
        """The statements, with those under a condition that is known in the place of their `if`."""
        for statement in body:
            if isinstance(statement, syntax.If) and self.is_known(statement.test):
                reader = Reader(Scope(self.graph, dict(self.constants)))
                taken = statement.then if reader.truth(statement.test).data else statement.other
                yield from self.decided(taken)
            else:
                yield statement

    def is_known(self, test: syntax.Expression) -> bool:
        names = [
            e for e in syntax.parts(test) if isinstance(e, syntax.Name | syntax.Call | syntax.Index)
        ]
        return all(isinstance(e, syntax.Name) and e.text in self.constants for e in names)

    def check_settings(self) -> None:
        at = self.definition.at
        unknown = sorted(set(self.given) - set(self.options))
        if unknown:
            known = ", ".join(self.options) or "none"
            raise at.error(f"there is no option '{unknown[0]}'", f"its options: {known}")
        if not self.states:
            raise at.error("a neuron needs a state", "for example: state v = 0")
        if self.emission == "none" and (self.spikes or self.phases["fire"]):
            raise at.error("with emission none nothing fires", "leave out the spike")
        if self.emission != "none" and not self.spikes:
            raise at.error("the neuron never fires", "say when: spike when v >= theta")
        if len(self.spikes) > 1:
            raise self.spikes[1].at.error(
                "a neuron spikes at one place", "join the conditions with or"
            )
        if self.emission == "causal" and self.phases["settle"]:
            raise at.error(
                "'at end' has no meaning with emission causal, where each step fires",
                "add the line: emission after",
            )
        if self.coding == "radix" and self.emission == "causal":
            raise at.error(
                "radix coding sends the most significant spike first, so it fires at the end",
                "add the line: emission after",
            )

    def add_hidden(self) -> None:
        """What the neuron has and does not name: its bias, steps, registers, delayed spikes."""
        names = [param.name for param in self.params]
        if "bias" not in names:
            if self.coding == "radix" or self.emission == "none":
                raise self.definition.at.error(
                    "the bias enters once, not with each plane of the current",
                    "name bias among the parameters and add it under 'at end'",
                )
            self.implied_bias = True
            self.params.append(syntax.Param(self.definition.at, "bias", None, None))
        else:
            self.implied_bias = False
        if self.registers and "seed" not in names:
            at = self.definition.at
            value = syntax.Binary(at, "+", syntax.Number(at, 1), syntax.Name(at, "channel"))
            self.params.append(syntax.Param(at, "seed", None, value))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d+", text) else None
