"""Expressions of the language as nodes: where each binary point is, and what is no integer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from snnir.neurons.nodes import COMPARE, Graph, Node
from snnir.neurons.reals import real_value
from snnir.neurons.syntax import (
    At,
    Binary,
    Call,
    Choice,
    Curve,
    Expression,
    Index,
    Name,
    Number,
    Type,
    TypeName,
    Unary,
)

MAX_LFSR = 30
"""Bits of a random number, so that its register fits a membrane."""


@dataclass(frozen=True)
class Value:
    """A node with the bits behind its binary point; None of a truth."""

    node: Node
    fraction: int | None = 0

    @property
    def is_truth(self) -> bool:
        return self.fraction is None


Operand = Value | float
"""A float is a number that takes as many bits behind its point as what it meets."""


@dataclass
class Scope:
    """What names mean while one phase of a neuron is read.

    Args:
        values: states, parameters and lets.
        hidden: why a name is not known here, for names that are known elsewhere.
    """

    graph: Graph
    values: dict[str, Value]
    tables: dict[str, tuple[int, ...]] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    hidden: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    registers: dict[At, str] = field(default_factory=dict)
    """The state behind each call of random()."""


class Reader:
    """From an expression in a scope to its value; a call of random() changes the scope."""

    def __init__(self, scope: Scope):
        self.scope, self.graph = scope, scope.graph

    def integer(self, expression: Expression, type: Type | None = None) -> Node:
        """The node of an expression in a type: its point moved there, its value within limits."""
        return self.typed(self.operand(expression), type or Type(), expression.at).node

    def typed(self, value: Operand, type: Type, at: At) -> Value:
        node = self.moved(value, type.fraction, at).node
        if type.limits is not None:
            node = self.clamped(node, *type.limits)
        return Value(node, type.fraction)

    def truth(self, expression: Expression) -> Node:
        """The node of a condition."""
        value = self.operand(expression)
        if not isinstance(value, Value) or not value.is_truth:
            raise expression.at.error(
                "a number where a condition is needed", "compare it, for example with != 0"
            )
        return value.node

    def value(self, expression: Expression) -> Value:
        """An expression with its own point; a real number alone has none."""
        value = self.operand(expression)
        if isinstance(value, float):
            raise expression.at.error(
                f"{value:g} needs to know how many bits are behind its point",
                f"write {value:g}q8 for 8 bits",
            )
        return value

    def clamped(self, node: Node, low: int, high: int) -> Node:
        node = self.graph.binary("min", node, self.graph.number(high))
        return self.graph.binary("max", node, self.graph.number(low))

    def moved(self, value: Operand, fraction: int, at: At) -> Value:
        """A number with its point moved; bits that are lost are rounded down."""
        if isinstance(value, float):
            scaled = value * 2**fraction
            if not math.isfinite(scaled):
                raise at.error(f"{value:g} is no number")
            if fraction == 0 and scaled != round(scaled):
                raise at.error(
                    f"{value:g} is no integer, and there are no bits behind the point here",
                    "give the state or the let a type such as fix.8",
                )
            return Value(self.graph.number(round(scaled)), fraction)
        if value.fraction is None:
            raise at.error("a condition where a number is needed", "int(...) makes it 0 or 1")
        lost = value.fraction - fraction
        operator = ">>" if lost > 0 else "<<"
        shift = self.graph.number(abs(lost))
        return Value(self.graph.binary(operator, value.node, shift), fraction)

    # Expressions -------------------------------------------------------------------------------

    def operand(self, expression: Expression) -> Operand:
        at = expression.at
        match expression:
            case Number():
                return self.number(expression)
            case Name():
                return self.name(expression)
            case Unary():
                if expression.operator == "not":
                    return Value(self.graph.negated(self.truth(expression.operand)), None)
                operand = self.operand(expression.operand)
                if isinstance(operand, float):
                    return -operand
                return self.binary(at, "-", Value(self.graph.number(0)), operand)
            case Binary() if expression.operator in ("and", "or"):
                left, right = self.truth(expression.left), self.truth(expression.right)
                join = self.graph.both if expression.operator == "and" else self.graph.either
                return Value(join(left, right), None)
            case Binary():
                return self.binary(at, expression.operator, expression.left, expression.right)
            case Choice():
                return self.choice(expression)
            case Call():
                return self.call(expression)
            case Index():
                table = self.scope.tables.get(expression.name)
                if table is None:
                    raise at.error(f"there is no table '{expression.name}'")
                return Value(self.graph.lookup(table, self.integer(expression.index)))
            case TypeName():
                raise at.error("a type where a value is needed")

    def number(self, number: Number) -> Operand:
        if number.fraction is not None:
            return self.moved(float(number.value), number.fraction, number.at)
        if isinstance(number.value, float):
            return number.value
        if abs(number.value) >= 1 << 62:
            raise number.at.error(f"{number.value} does not fit 62 bits")
        return Value(self.graph.number(number.value))

    def name(self, name: Name) -> Value:
        known = self.scope.values.get(name.text)
        if known is not None:
            return known
        if name.text in self.scope.hidden:
            raise name.at.error(*self.scope.hidden[name.text])
        names = ", ".join(self.scope.values)
        if name.text in self.scope.tables or name.text in self.scope.curves:
            raise name.at.error(f"'{name.text}' is a table, not a number")
        raise name.at.error(f"there is no '{name.text}'", f"known here are {names}")

    def binary(
        self, at: At, operator: str, left: Expression | Operand, right: Expression | Operand
    ) -> Operand:
        a = left if isinstance(left, Operand) else self.operand(left)
        b = right if isinstance(right, Operand) else self.operand(right)
        if operator in ("/", "%") and not (isinstance(a, float) and isinstance(b, float)):
            raise at.error(
                f"a neuron does not divide ({operator}) while it runs",
                "shift with >>, multiply by a parameter such as k: fix.8 = 1 / 3, "
                "or look it up in a table",
            )
        if isinstance(a, float) and isinstance(b, float):
            numbers = Number(at, a), Number(at, b)
            result = real_value(Binary(at, operator, *numbers), {})
            return Value(self.graph.truth(bool(result)), None) if operator in COMPARE else result
        for value in (a, b):
            if isinstance(value, Value) and value.is_truth:
                raise at.error(
                    f"'{operator}' takes numbers, not conditions",
                    "join conditions with and, or and not",
                )
        if operator in ("<<", ">>"):
            return self.shift(at, operator, a, b)
        if operator == "*":
            for value in (a, b):
                if isinstance(value, float):
                    raise at.error(
                        f"{value:g} as a factor needs to know how many bits are behind its point",
                        f"write {value:g}q8 for 8 bits",
                    )
            node = self.graph.binary(operator, a.node, b.node)
            return Value(node, a.fraction + b.fraction)
        fraction = max(v.fraction for v in (a, b) if isinstance(v, Value))
        a, b = self.moved(a, fraction, at), self.moved(b, fraction, at)
        node = self.graph.binary(operator, a.node, b.node)
        return Value(node, None if operator in COMPARE else fraction)

    def shift(self, at: At, operator: str, value: Operand, amount: Operand) -> Value:
        if isinstance(value, float):
            raise at.error(f"{value:g} cannot be shifted", f"write {value:g}q8 for 8 bits")
        if isinstance(amount, float) or amount.fraction:
            raise at.error("a shift is by a whole number of bits")
        try:
            node = self.graph.binary(operator, value.node, amount.node)
        except ValueError as error:
            raise at.error(str(error)) from None
        return Value(node, value.fraction)

    def choice(self, expression: Choice) -> Operand:
        test = self.truth(expression.test)
        if test.constant is not None:
            return self.operand(expression.then if test.data else expression.other)
        then, other = self.operand(expression.then), self.operand(expression.other)
        truths = [isinstance(v, Value) and v.is_truth for v in (then, other)]
        if all(truths):
            return Value(self.graph.choice(test, then.node, other.node), None)
        if any(truths):
            raise expression.at.error("one arm is a condition, the other a number")
        fractions = [v.fraction for v in (then, other) if isinstance(v, Value)]
        if not fractions:
            raise expression.at.error(
                "it is not known how many bits are behind the point of either number",
                "write one of them with as many as are wanted, such as 0.5q8",
            )
        fraction = max(fractions)
        then, other = (self.moved(v, fraction, expression.at) for v in (then, other))
        return Value(self.graph.choice(test, then.node, other.node), fraction)

    # Functions ---------------------------------------------------------------------------------

    def call(self, call: Call) -> Operand:
        if call.name in self.scope.curves:
            return self.curve(call, self.scope.curves[call.name])
        functions: dict[str, tuple[tuple[int, ...], Callable[[Call], Operand]]] = {
            "min": ((2,), self.least_or_most),
            "max": ((2,), self.least_or_most),
            "abs": ((1,), self.absolute),
            "clamp": ((2, 3), self.clamp),
            "int": ((1,), lambda c: Value(self.graph.integer(self.truth(c.arguments[0])))),
            "bits": ((1, 2), self.raw),
            "random": ((2, 3), self.random),
        }
        if call.name not in functions:
            raise call.at.error(
                f"there is no function '{call.name}'",
                f"there are {', '.join([*functions, *self.scope.curves])}",
            )
        counts, function = functions[call.name]
        if len(call.arguments) not in counts:
            wanted = " or ".join(map(str, counts))
            raise call.at.error(f"{call.name} takes {wanted} arguments, not {len(call.arguments)}")
        return function(call)

    def least_or_most(self, call: Call) -> Operand:
        return self.binary(call.at, call.name, *call.arguments)

    def absolute(self, call: Call) -> Operand:
        value = self.value(call.arguments[0])
        negative = self.binary(call.at, "-", Value(self.graph.number(0)), value)
        return self.binary(call.at, "max", value, negative)

    def clamp(self, call: Call) -> Operand:
        """clamp(x, int8) or clamp(x, low, high)."""
        first, *rest = call.arguments
        if len(rest) == 2:
            return self.binary(call.at, "max", self.binary(call.at, "min", first, rest[1]), rest[0])
        if not isinstance(rest[0], TypeName):
            raise call.at.error("clamp takes a type, or the least and the largest value")
        type = rest[0].type
        if type.limits is None:
            raise rest[0].at.error("this type has no limits", "give it a width, such as int8")
        return Value(self.integer(first, type), type.fraction)

    def raw(self, call: Call) -> Operand:
        """bits(x): the integer of x whatever its point; bits(n, f): n as a value with f bits."""
        value = self.value(call.arguments[0])
        if value.is_truth:
            raise call.at.error("bits takes a number")
        fraction = self.whole(call.arguments[1], "fraction") if len(call.arguments) == 2 else 0
        return Value(value.node, fraction)

    def whole(self, expression: Expression, what: str) -> int:
        """A number that must be known when the neuron is read."""
        value = self.operand(expression)
        if isinstance(value, float) or value.fraction != 0 or value.node.constant is None:
            raise expression.at.error(f"the {what} must be a whole number that is known here")
        return value.node.constant

    def random(self, call: Call) -> Value:
        """Advances a register of its own by the feedback `taps` and returns what it holds.

        Source: the Fibonacci form of a linear-feedback shift register (Golomb, 1967).
        """
        bits = self.whole(call.arguments[0], "number of bits")
        taps = self.whole(call.arguments[1], "mask of taps")
        times = self.whole(call.arguments[2], "number of shifts") if call.arguments[2:] else 1
        if not 2 <= bits <= MAX_LFSR:
            raise call.at.error(f"random numbers of {bits} bits, allowed are 2 to {MAX_LFSR}")
        if not 1 << (bits - 1) <= taps < 1 << bits:
            raise call.at.error(
                f"taps {taps:#x} do not use the highest of {bits} bits, or more than {bits}",
                "for example 0x240 for 10 bits",
            )
        if not 1 <= times <= bits:
            raise call.at.error(f"{times} shifts for a number, allowed are 1 to {bits}")
        graph, name = self.graph, self.scope.registers[call.at]
        node = self.scope.values[name].node
        places = [place for place in range(bits) if taps >> place & 1]
        one, mask = graph.number(1), graph.number((1 << bits) - 1)
        for _ in range(times):
            parity = graph.binary(">>", node, graph.number(places[-1]))
            for place in reversed(places[:-1]):
                parity = graph.binary("^", parity, graph.binary(">>", node, graph.number(place)))
            parity = graph.binary("&", parity, one)
            shifted = graph.binary("&", graph.binary("<<", node, one), mask)
            node = graph.binary("|", shifted, parity)
        self.scope.values[name] = Value(node)
        return Value(node)

    def curve(self, call: Call, curve: Curve) -> Value:
        """A function by straight lines between its points, and flat outside of them.

        With a grid of a power of two the place between two points is the low bits of the argument.
        """
        if len(call.arguments) != 1:
            raise call.at.error(f"{curve.name} takes 1 argument, not {len(call.arguments)}")
        value = self.value(call.arguments[0])
        if value.is_truth:
            raise call.at.error(f"{curve.name} takes a number")
        low, high = real_value(curve.low, {}), real_value(curve.high, {})
        grid = (high - low) / curve.steps * 2**value.fraction
        first = low * 2**value.fraction
        between = round(math.log2(grid)) if grid >= 1 else -1
        if between < 0 or 2**between != grid or first != round(first):
            raise call.at.error(
                f"the points of {curve.name} are {grid:g} units of its argument apart, which has "
                f"{value.fraction} bits behind its point",
                "a power of two is needed: choose steps, ends or the argument's type accordingly",
            )
        graph, table = self.graph, self.scope.tables[curve.name]
        place = graph.binary("-", value.node, graph.number(int(first)))
        index = graph.binary(">>", place, graph.number(between))
        left = graph.lookup(table, index)
        if between == 0:
            return Value(left, curve.type.fraction)
        right = graph.lookup(table, graph.binary("+", index, graph.number(1)))
        part = graph.binary("&", place, graph.number((1 << between) - 1))
        rise = graph.binary("*", graph.binary("-", right, left), part)
        rise = graph.binary(">>", rise, graph.number(between))
        return Value(graph.binary("+", left, rise), curve.type.fraction)


def curve_points(curve: Curve) -> tuple[int, ...]:
    """The integers of a curve's points, both ends included."""
    low, high = real_value(curve.low, {}), real_value(curve.high, {})
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise curve.at.error(f"the table goes from {low:g} to {high:g}")
    if not 1 <= curve.steps <= 1024:
        raise curve.at.error(f"the table has {curve.steps} steps, allowed are 1 to 1024")
    points = []
    for step in range(curve.steps + 1):
        x = low + (high - low) * step / curve.steps
        y = round(real_value(curve.value, {curve.variable: x}) * 2**curve.type.fraction)
        low_y, high_y = curve.type.limits or (-(1 << 30), (1 << 30) - 1)
        if not low_y <= y <= high_y:
            raise curve.at.error(f"the table's value at {x:g} does not fit its type")
        points.append(y)
    return tuple(points)
