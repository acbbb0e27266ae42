"""Reads the text of a neuron: lark, and what it says where the text is wrong."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError
from snnir.neurons import syntax
from snnir.neurons.syntax import At, Type

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_BITS = 31
"""What a membrane may have."""

_WORDS = {
    "_NL": "the end of the line", "_INDENT": "an indented block", "_DEDENT": "the end of a block",
    "$END": "the end of the text", "NAME": "a name", "INT": "a number", "REAL": "a number",
    "TYPE": "a type", "LPAR": "'('", "RPAR": "')'", "LSQB": "'['", "RSQB": "']'", "COLON": "':'",
    "COMMA": "','", "EQUAL": "'='", "COMPARE": "a comparison", "SHIFT": "a shift", "SIGN": "'+'",
    "FACTOR": "'*'", "BAR": "'|'", "HAT": "'^'", "AMP": "'&'",
}  # fmt: skip
_SHOWN = 6


@cache
def _grammar() -> Lark:
    from lark import Lark
    from lark.indenter import Indenter

    class Indentation(Indenter):
        NL_type = "_NL"
        OPEN_PAREN_types = ["LPAR", "LSQB"]  # noqa: RUF012
        CLOSE_PAREN_types = ["RPAR", "RSQB"]  # noqa: RUF012
        INDENT_type = "_INDENT"
        DEDENT_type = "_DEDENT"
        tab_len = 8

    text = (Path(__file__).parent / "neuron.lark").read_text()
    return Lark(
        text,
        parser="lalr",
        postlex=Indentation(),
        propagate_positions=True,
        maybe_placeholders=True,
    )


def parse(text: str, file: str = "neuron") -> syntax.Definition:
    """The neuron that a text defines.

    Args:
        file: how errors name the text.

    Raises:
        UserError: the text does not follow the grammar; says where.
    """
    from lark import exceptions
    from lark.indenter import DedentError

    try:
        tree = _grammar().parse(text + "\n")
    except exceptions.UnexpectedCharacters as error:
        found = text.splitlines()[error.line - 1][error.column - 1]
        what = f"unexpected character {found!r}"
        raise At(file, error.line, error.column).error(what) from None
    except exceptions.UnexpectedToken as error:
        raise _unexpected(error, text, file) from None
    except DedentError:
        raise At(file, _bad_dedent(text), 1).error(
            "a line is indented less than its block, and more than the line above the block",
            "indent all lines of a block alike",
        ) from None
    return _Reader(file).definition(tree)


def _bad_dedent(text: str) -> int:
    """The first line whose indentation is that of no block around it."""
    blocks = [0]
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("#")[0].rstrip().expandtabs()
        depth = len(code) - len(code.lstrip())
        if code and depth > blocks[-1]:
            blocks.append(depth)
        while code and depth < blocks[-1]:
            blocks.pop()
            if depth > blocks[-1]:
                return number
    return 1


def _unexpected(error: Any, text: str, file: str) -> UserError:
    token = error.token
    lines = text.splitlines() or [""]
    if token.type in ("$END", "_DEDENT") or token.line is None or token.line > len(lines):
        at, found = At(file, len(lines), len(lines[-1]) + 1), "the text ends here"
    else:
        at = At(file, token.line, token.column)
        shown = str(token).split()
        found = f"unexpected '{shown[0]}'" if shown else "the line ends here"
        if token.type == "_INDENT":
            found = "this line is indented more than the one before"
            at = At(file, token.line + 1, 1) if not shown else at
    wanted = sorted({_WORDS.get(name, name.strip("_").lower()) for name in error.expected})
    hint = f"expected {', '.join(wanted)}" if len(wanted) <= _SHOWN else None
    return at.error(found, hint)


class _Reader:
    """From lark's trees to records."""

    def __init__(self, file: str):
        self.file = file

    def at(self, tree: Any) -> At:
        where = tree.meta if hasattr(tree, "meta") else tree
        return At(self.file, where.line, where.column)

    def definition(self, tree: Any) -> syntax.Definition:
        name, *rest = tree.children
        params = [self.param(t) for t in rest if t is not None and t.data == "param"]
        body = self.statements([t for t in rest if t is not None and t.data != "param"])
        return syntax.Definition(self.at(name), str(name), tuple(params), body)

    def param(self, tree: Any) -> syntax.Param:
        name, kind, value = tree.children
        value = None if value is None else self.expression(value)
        return syntax.Param(self.at(name), str(name), self.type_of(kind), value)

    def type_of(self, tree: Any) -> Type | None:
        return None if tree is None else self.type(tree.children[0])

    def type(self, token: Token) -> Type:
        form = re.fullmatch(r"(u?)(int|fix)(\d*)(?:\.(\d+))?", token)
        assert form is not None
        bits = int(form[3]) if form[3] else None
        fraction = int(form[4] or 0)
        if bits is not None and not 1 <= bits <= MAX_BITS:
            raise self.at(token).error(f"{token} has {bits} bits, allowed are 1 to {MAX_BITS}")
        if fraction > (MAX_BITS if bits is None else bits):
            raise self.at(token).error(f"{token} has more bits behind its point than bits")
        if bits is None and form[1]:
            raise self.at(token).error(f"{token} needs a width", f"for example ufix16.{fraction}")
        return Type(bits, fraction, not form[1])

    def statements(self, trees: Any) -> tuple[syntax.Statement, ...]:
        return tuple(self.statement(tree) for tree in trees)

    def statement(self, tree: Any) -> syntax.Statement:
        at, children = self.at(tree), tree.children
        match tree.data:
            case "coding" | "emission":
                return syntax.Setting(at, str(tree.data), str(children[0]))
            case "option":
                name, given = children
                if given.data == "words":
                    return syntax.Option(at, str(name), tuple(map(str, given.children)))
                low, high, default = (t and int(t, 0) for t in given.children)
                span = low, high, low if default is None else default
                return syntax.Option(at, str(name), span=span)
            case "state":
                name, kind, value = children
                kind = self.type_of(kind)
                return syntax.State(self.at(name), str(name), kind, self.expression(value))
            case "let":
                name, kind, value = children
                kind = self.type_of(kind)
                value = self.expression(value)
                return syntax.Assign(self.at(name), str(name), value, kind, new=True)
            case "assign":
                name, value = children
                return syntax.Assign(at, str(name), self.expression(value))
            case "curve":
                name, variable, low, high, steps, kind, value = children
                low, high, value = map(self.expression, (low, high, value))
                kind = self.type_of(kind) or Type()
                return syntax.Curve(
                    at, str(name), str(variable), low, high, int(steps, 0), kind, value
                )
            case "table":
                name, *values = children
                return syntax.Table(at, str(name), tuple(map(self.expression, values)))
            case "if_":
                return self.conditional(tree)
            case "spike":
                test, delay = children
                delay = 0 if delay is None else int(delay, 0)
                return syntax.Spike(at, self.expression(test), delay)
            case _:
                kind = str(tree.data).replace("_", " ")
                return syntax.Block(at, kind, self.statements(children[0].children))

    def conditional(self, tree: Any) -> syntax.If:
        test, then, *rest = tree.children
        other: tuple[syntax.Statement, ...] = ()
        for part in reversed(rest):
            if part.data == "else_":
                other = self.statements(part.children[0].children)
            else:
                inner, body = part.children
                other = (
                    syntax.If(
                        self.at(part),
                        self.expression(inner),
                        self.statements(body.children),
                        other,
                    ),
                )
        return syntax.If(
            self.at(tree), self.expression(test), self.statements(then.children), other
        )

    def expression(self, tree: Any) -> syntax.Expression:
        at, children = self.at(tree), tree.children
        match tree.data:
            case "integer":
                return syntax.Number(at, int(children[0], 0))
            case "real":
                value, _, fraction = str(children[0]).partition("q")
                return syntax.Number(at, float(value), int(fraction) if fraction else None)
            case "name":
                return syntax.Name(at, str(children[0]))
            case "type_name":
                return syntax.TypeName(at, self.type(children[0]))
            case "binary":
                left, operator, right = children
                operands = self.expression(left), self.expression(right)
                return syntax.Binary(self.at(operator), str(operator), *operands)
            case "and_" | "or_":
                left, right = map(self.expression, children)
                return syntax.Binary(at, str(tree.data).strip("_"), left, right)
            case "not_":
                return syntax.Unary(at, "not", self.expression(children[0]))
            case "signed":
                sign, operand = children
                value = self.expression(operand)
                return value if sign == "+" else syntax.Unary(at, "-", value)
            case "choice":
                then, test, other = map(self.expression, children)
                return syntax.Choice(at, test, then, other)
            case "call":
                name, *arguments = children
                given = tuple(self.expression(a) for a in arguments if a is not None)
                return syntax.Call(at, str(name), given)
            case _:
                name, index = children
                return syntax.Index(at, str(name), self.expression(index))
