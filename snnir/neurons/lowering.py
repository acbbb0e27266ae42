"""A neuron as it is written becomes `snn.neuron`: what each of its phases makes of its states."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ArrayAttr, StringAttr, i64
from xdsl.ir import Block, Region

from snnir.dialects.snn import NeuronOp, YieldOp
from snnir.dialects.snn_neuron import SETUP_NAMES
from snnir.neurons import syntax
from snnir.neurons.expressions import Reader, Scope, Value
from snnir.neurons.nodes import Node
from snnir.neurons.outline import CURRENT, LEFT, PENDING, SPIKE, STEP, TAKEN, TICK, Outline
from snnir.neurons.reals import Setup
from snnir.neurons.syntax import Definition, Name, Type, parts

Body = tuple[syntax.Statement, ...]


@dataclass(frozen=True)
class Neuron:
    """A neuron that was read.

    Args:
        fractions: bits behind the point of each parameter, in which its values are rounded.
        options: what was chosen of each option.
        computed: parameters whose values are made of others' values, and which these are.
    """

    op: NeuronOp
    fractions: dict[str, int] = field(default_factory=dict)
    options: dict[str, int | str] = field(default_factory=dict)
    computed: dict[str, set[str]] = field(default_factory=dict)


def lower(definition: Definition, options: Mapping[str, str] | None = None) -> Neuron:
    """The operation for a neuron.

    Args:
        options: of the neuron's options those that are not the default.

    Raises:
        UserError: what is written has no meaning, with its place.
    """
    return _Lowering(definition, dict(options or {})).neuron()


class _Lowering(Outline):
    def neuron(self) -> Neuron:
        regions = [self.setup(), *map(self.region, self.results())]
        op = NeuronOp.build(
            properties={
                "sym_name": StringAttr(self.definition.name),
                "emission": StringAttr(self.emission),
                "states": ArrayAttr([StringAttr(name) for name in self.start]),
                "parameters": ArrayAttr([StringAttr(param.name) for param in self.params]),
                **({"coding": StringAttr(self.settings["coding"])} if self.coding else {}),
            },
            regions=regions,
        )
        fractions = {p.name: (p.type or Type()).fraction for p in self.params}
        return Neuron(op, fractions, self.options, self.computed())

    def computed(self) -> dict[str, set[str]]:
        """The parameters that have to do with others: with which ones."""
        names = {param.name for param in self.params} - {"theta", "bias"}
        found: dict[str, set[str]] = {}
        for param in self.params:
            read = parts(param.value) if param.value is not None else ()
            direct = {part.text for part in read if isinstance(part, Name)} & names
            if direct:
                found[param.name] = direct.union(*(found.get(name, ()) for name in direct))
        return found

    # Regions -----------------------------------------------------------------------------------

    def setup(self) -> list[Region]:
        """The region of the parameters' values, if they are more than theta and bias."""
        if all(param.name in ("theta", "bias") for param in self.params):
            return []
        setup = Setup(SETUP_NAMES)
        results = []
        for param in self.params:
            at, fraction = param.at, (param.type or Type()).fraction
            if param.name in ("theta", "bias"):
                value = setup.known[param.name]
            elif param.value is None:
                value = math.nan
            else:
                value = setup.value(param.value)
                setup.known[param.name] = value
                if fraction:
                    value = setup.apply(at, "*", value, float(1 << fraction))
            results.append(setup.constant(value))
        setup.block.add_op(YieldOp(*results))
        return [Region(setup.block)]

    def scope(self, *names: str) -> Scope:
        values = dict(self.constants)
        for param in self.params:
            fraction = (param.type or Type()).fraction
            values[param.name] = Value(self.graph.argument(param.name), fraction)
        for name in names:
            fraction = self.types.get(name, Type()).fraction
            values[name] = Value(self.graph.argument(name), fraction)
        if TICK in names and self.uses_step:
            values[STEP] = values[TICK]
        scope = Scope(self.graph, values, self.tables, self.curves)
        scope.registers = self.registers
        scope.hidden = {
            CURRENT: (f"{CURRENT} is only known while the neuron integrates", "keep it in a state"),
            LEFT: (f"'{LEFT}' is only known while the neuron fires", None),
            STEP: (f"'{STEP}' is not known here", None),
            SPIKE: ("'spike' is known behind 'spike when' only", None),
        }
        return scope

    def results(self) -> list[tuple[str, list[Node]]]:
        """What each region yields."""
        scope = self.scope()
        reader = Reader(scope)
        for state in self.states:
            node = reader.integer(state.value, state.type)
            self.start[state.name] = node
            scope.values[state.name] = Value(node, self.types[state.name].fraction)
        for call in self.calls:
            if not call.arguments:
                raise call.at.error("random takes 2 or 3 arguments, not 0")
            name = self.registers[call.at]
            bits = reader.whole(call.arguments[0], "number of bits")
            mask = self.graph.number((1 << max(2, min(bits, 62))) - 1)
            node = self.graph.binary("&", self.graph.argument("seed"), mask)
            self.begin(name, self.graph.binary("max", node, self.graph.number(1)))
        if self.uses_step:
            self.begin(TICK, self.graph.number(0))
        if self.spikes and self.spikes[0].delay:
            self.begin(PENDING, self.graph.number(0))
        one, names = self.graph.number(1), tuple(self.start)
        scope = self.scope(*names)
        current = self.graph.argument("i")
        if self.implied_bias:
            current = self.graph.binary("+", current, self.graph.argument("bias"))
        scope.values[CURRENT] = Value(current)
        self.run(self.phases["integrate"], scope)
        counts = self.uses_step and self.emission != "causal"
        integrated = self.outcome(scope, one if counts else None)
        lost = [n for n in scope.values if n not in self.scope(*names).values and n != CURRENT]
        scope = self.scope(*names)
        self.hide(scope, lost)
        self.run(self.phases["settle"], scope)
        settled = self.outcome(scope)
        scope = self.scope(*names)
        self.hide(scope, lost)
        scope.values[LEFT] = Value(self.graph.argument("left"))
        self.sent = self.graph.truth(False)
        self.run(self.phases["fire"], scope)
        if self.emission == "none":
            fired = [self.graph.argument(name) for name in names]
        else:
            counts = self.uses_step and self.emission == "causal"
            fired = self.outcome(scope, one if counts else None)
        return [
            ("start", list(self.start.values())),
            ("integrate", integrated),
            ("settle", settled),
            ("fire", [*fired, self.sent]),
        ]

    def begin(self, name: str, node: Node) -> None:
        """A state that nobody wrote down."""
        if name in self.places:
            raise self.places[name].error(f"the name '{name}' is taken", "choose another one")
        self.start[name] = node

    def hide(self, scope: Scope, names: list[str]) -> None:
        for name in names:
            what = f"'{name}' is made while the neuron integrates and is not known here"
            scope.hidden[name] = (what, "make it a state")

    def outcome(self, scope: Scope, step: Node | None = None) -> list[Node]:
        if step is not None:
            new = self.graph.binary("+", scope.values[TICK].node, step)
            scope.values[TICK] = Value(new)
        return [scope.values[name].node for name in self.start]

    def run(self, body, scope: Scope) -> None:
        reader = Reader(scope)
        for statement in body:
            match statement:
                case syntax.Assign():
                    self.assign(statement, reader)
                case syntax.If():
                    test = reader.truth(statement.test)
                    self.fork(reader, test, statement.then, statement.other)
                case syntax.Spike():
                    self.spike(statement, reader)
                case syntax.Block(kind="on spike"):
                    if SPIKE not in scope.values:
                        raise statement.at.error("'on spike' stands behind 'spike when'")
                    self.fork(reader, scope.values[SPIKE].node, statement.body, ())
                case _:
                    raise statement.at.error(
                        "this does not stand inside of a block", "put it at the neuron's top level"
                    )

    def assign(self, statement: syntax.Assign, reader: Reader) -> None:
        scope, name = reader.scope, statement.name
        if statement.new:
            if name in self.places or name in TAKEN or name in self.start:
                raise statement.at.error(f"'{name}' has a meaning already")
            value = reader.operand(statement.value)
            if statement.type is not None or isinstance(value, float):
                value = reader.typed(value, statement.type or Type(), statement.value.at)
            scope.values[name] = value
            self.graph.hints.setdefault(value.node, name)
            return
        if name not in self.types:
            known = ", ".join(self.types)
            raise statement.at.error(
                f"'{name}' is no state, so it cannot change",
                f"states are {known}; a new name is made by let",
            )
        type = self.types[name]
        scope.values[name] = Value(reader.integer(statement.value, type), type.fraction)

    def fork(self, reader: Reader, test: Node, then: Body, other: Body) -> None:
        """Both ways from the values before; then each state has what the way taken gave it."""
        scope = reader.scope
        if test.constant is not None:
            self.run(then if test.data else other, scope)
            return
        ways = []
        for body in (then, other):
            for inner in body:
                if isinstance(inner, syntax.Spike):
                    raise inner.at.error(
                        "a spike under a condition", "join the conditions with and"
                    )
            way = dataclasses.replace(scope, values=dict(scope.values))
            self.run(body, way)
            ways.append(way.values)
        for name in self.start:
            one, two = (way[name] for way in ways)
            scope.values[name] = Value(self.graph.choice(test, one.node, two.node), one.fraction)

    def spike(self, statement: syntax.Spike, reader: Reader) -> None:
        scope, graph = reader.scope, self.graph
        test = reader.truth(statement.test)
        graph.hints.setdefault(test, SPIKE)
        scope.values[SPIKE] = Value(test, None)
        if not statement.delay:
            self.sent = test
            return
        one = graph.number(1)
        pending = scope.values[PENDING].node
        due = graph.binary("&", graph.binary(">>", pending, graph.number(statement.delay - 1)), one)
        self.sent = graph.binary("!=", due, graph.number(0))
        shifted = graph.binary("|", graph.binary("<<", pending, one), graph.integer(test))
        mask = graph.number((1 << statement.delay) - 1)
        scope.values[PENDING] = Value(graph.binary("&", shifted, mask))

    def region(self, phase: tuple[str, list[Node]]) -> Region:
        role, results = phase
        states, params = tuple(self.start), tuple(p.name for p in self.params)
        names = {
            "start": params,
            "integrate": (*states, "i", *params),
            "settle": (*states, *params),
            "fire": (*states, *params, "left"),
        }[role]
        block = Block(arg_types=[i64] * len(names))
        for argument, name in zip(block.args, names, strict=True):
            argument.name_hint = name
        ops, values = self.graph.emit(results, dict(zip(names, block.args, strict=True)))
        block.add_ops([*ops, YieldOp(*values)])
        return Region(block)
