"""Real numbers that are known when a neuron is read or a network is rounded.

Tables are computed with Python's floats. What a parameter is worth is a small program of its own,
the region `setup` of `snn.neuron`, because a layer's threshold and bias are found much later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, f64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.irdl import IRDLOperation

from snnir.neurons import syntax
from snnir.neurons.syntax import Binary, Call, Choice, Expression, Name, Number, Unary

SETUP_OPS: dict[str, type[IRDLOperation]] = {
    "+": arith.AddfOp,
    "-": arith.SubfOp,
    "*": arith.MulfOp,
    "/": arith.DivfOp,
    "max": arith.MaximumfOp,
    "min": arith.MinimumfOp,
}
"""What a parameter's value may be computed with."""

_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "max": max,
    "min": min,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
}

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sin": math.sin,
    "cos": math.cos,
    "abs": abs,
    "floor": math.floor,
}

CONSTANTS = {"pi": math.pi}


def real_value(expression: Expression, known: Mapping[str, float]) -> float:
    """A number, from numbers and functions of them.

    Raises:
        UserError: for what is no real number, with its place.
    """
    at = expression.at
    try:
        match expression:
            case Number():
                return expression.value
            case Name() if expression.text in known:
                return known[expression.text]
            case Name() if expression.text in CONSTANTS:
                return CONSTANTS[expression.text]
            case Name():
                names = ", ".join([*known, *CONSTANTS])
                raise at.error(f"'{expression.text}' is no number here", f"known are {names}")
            case Unary() if expression.operator == "-":
                return -real_value(expression.operand, known)
            case Binary() if expression.operator in _OPERATORS:
                left = real_value(expression.left, known)
                return _OPERATORS[expression.operator](left, real_value(expression.right, known))
            case Choice():
                test = real_value(expression.test, known)
                return real_value(expression.then if test else expression.other, known)
            case Call() if expression.name in ("min", "max") and len(expression.arguments) == 2:
                left, right = (real_value(a, known) for a in expression.arguments)
                return _OPERATORS[expression.name](left, right)
            case Call() if expression.name in _FUNCTIONS and len(expression.arguments) == 1:
                return _FUNCTIONS[expression.name](real_value(expression.arguments[0], known))
            case Call():
                raise at.error(
                    f"no function {expression.name} of {len(expression.arguments)} real numbers",
                    f"known are {', '.join([*_FUNCTIONS, 'min', 'max'])}",
                )
    except ArithmeticError as error:
        raise at.error(f"this has no value: {error}") from None
    except ValueError as error:
        raise at.error(f"this has no value: {error}") from None
    raise at.error("no operator of real numbers", "use + - * / and comparisons")


class Setup:
    """Builds the region in which a layer's parameters get their values, all of them reals."""

    def __init__(self, names: tuple[str, ...]):
        self.block = Block(arg_types=[f64] * len(names))
        self.known: dict[str, SSAValue | float] = {}
        for argument, name in zip(self.block.args, names, strict=True):
            argument.name_hint = name
            self.known[name] = argument
        self._constants: dict[str, SSAValue] = {}

    def value(self, expression: Expression) -> SSAValue | float:
        """What an expression is worth: a number already, or a value of the region."""
        at = expression.at
        match expression:
            case Name() if expression.text in self.known:
                return self.known[expression.text]
            case Number() | Name():
                return float(real_value(expression, {}))
            case Unary() if expression.operator == "-":
                return self.apply(at, "-", 0.0, self.value(expression.operand))
            case Binary():
                operands = self.value(expression.left), self.value(expression.right)
                return self.apply(at, expression.operator, *operands)
            case Call() if expression.name in ("min", "max") and len(expression.arguments) == 2:
                left, right = map(self.value, expression.arguments)
                return self.apply(at, expression.name, left, right)
            case Call() if len(expression.arguments) == 1:
                argument = self.value(expression.arguments[0])
                if isinstance(argument, float):
                    number = Number(expression.arguments[0].at, argument)
                    return real_value(Call(at, expression.name, (number,)), {})
        raise at.error("a parameter's value is made of numbers, names, + - * /, min and max")

    def apply(
        self, at: syntax.At, operator: str, left: SSAValue | float, right: SSAValue | float
    ) -> SSAValue | float:
        if operator not in SETUP_OPS:
            raise at.error(f"no operator {operator} in a parameter's value", "use + - * /")
        if isinstance(left, float) and isinstance(right, float):
            numbers = Number(at, left), Number(at, right)
            return float(real_value(Binary(at, operator, *numbers), {}))
        return self._insert(SETUP_OPS[operator](self.constant(left), self.constant(right)))

    def constant(self, value: SSAValue | float) -> SSAValue:
        if isinstance(value, SSAValue):
            return value
        if repr(value) not in self._constants:
            op = arith.ConstantOp(FloatAttr(value, f64))
            self._constants[repr(value)] = self._insert(op)
        return self._constants[repr(value)]

    def _insert(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]
