"""Neurons as C: the regions of `snn.neuron` become loops over channels, one op per line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import arith
from xdsl.ir import Operation, SSAValue

from snnir.backends.c.gather import BY_PLANE, BY_VALUE
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError

INT = "name_int"
"""The C type of a membrane potential and all that is computed from it."""

EXPRESSIONS: dict[type[Operation], str] = {
    arith.AddiOp: "{0} + {1}",
    arith.SubiOp: "{0} - {1}",
    arith.MuliOp: "{0} * {1}",
    # C leaves shifts of negative numbers open: multiply, and shift the complement.
    arith.ShLIOp: f"{{0}} * (({INT})1 << {{1}})",
    arith.ShRSIOp: "{0} < 0 ? ~(~{0} >> {1}) : {0} >> {1}",
    arith.ShRUIOp: "{0} >> {1}",
    arith.MaxSIOp: "{0} > {1} ? {0} : {1}",
    arith.MinSIOp: "{0} < {1} ? {0} : {1}",
    arith.AndIOp: "{0} & {1}",
    arith.OrIOp: "{0} | {1}",
    arith.XOrIOp: "{0} ^ {1}",
    arith.SelectOp: "{0} ? {1} : {2}",
    arith.ExtUIOp: "{0}",
}
"""C expression of each op; another op joins by a line here."""

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
"""By predicate number of arith.cmpi; the unsigned ones have no meaning for integers of any size."""

_RESERVED = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while c step s t word value tile oy ox sums i1 ones runs tiles "
    "streams layers".split()
)


@dataclass
class Names:
    """Unique C names made from name hints."""

    taken: set[str] = field(default_factory=lambda: set(_RESERVED))

    def of(self, hint: str | None) -> str:
        stem = re.sub(r"\W", "_", hint or "x")
        stem = f"x{stem}" if stem[0].isdigit() else stem
        name, count = stem, 1
        while name in self.taken:
            count += 1
            name = f"{stem}_{count}"
        self.taken.add(name)
        return name


def _literal(value: int) -> str:
    if abs(value) < 1 << 31:
        return str(value) if value >= 0 else f"({value})"
    return f"INT64_C({value})" if value >= 0 else f"(-INT64_C({-value}))"


def _expression(op: Operation, operands: Sequence[str]) -> str:
    if isinstance(op, arith.CmpiOp):
        predicate = op.predicate.value.data
        if predicate >= len(COMPARISONS):
            raise UserError("a neuron compares as signed integers", hint="use slt, sge, ...")
        return f"{operands[0]} {COMPARISONS[predicate]} {operands[1]}"
    text = EXPRESSIONS.get(type(op))
    if text is None:
        known = sorted(kind.name for kind in (*EXPRESSIONS, arith.CmpiOp, arith.ConstantOp))
        raise UserError(f"{op.name} in a neuron has no C form", hint=f"use {', '.join(known)}")
    return text.format(*operands)


def region_lines(neuron: NeuronOp, role: str, arguments: Sequence[str]) -> tuple[list, list[str]]:
    """The ops of a region as C declarations, and the expressions that it yields.

    Args:
        arguments: C expression of each block argument, in order; printed once, as a constant
            named as the argument, if the region uses it.
    """
    block = neuron.role(role).block
    names, lines = Names(), []
    known: dict[SSAValue, str] = {}
    argument_names = neuron.argument_names(role)
    for argument, hint, text in zip(block.args, argument_names, arguments, strict=True):
        if not argument.uses:
            continue
        known[argument] = names.of(hint)
        lines.append(f"const {INT} {known[argument]} = {text};")
    for op in block.ops:
        if op is block.last_op:
            break
        (result,) = op.results
        if isinstance(op, arith.ConstantOp):
            value = op.value.value.data
            known[result] = _literal(value) if str(result.type) == "i64" else str(int(value != 0))
            continue
        text = _expression(op, [known[operand] for operand in op.operands])
        kind = INT if str(result.type) == "i64" else "int"
        known[result] = names.of(result.name_hint)
        lines.append(f"const {kind} {known[result]} = {text};")
    return lines, [known[value] for value in block.last_op.operands]


@dataclass(frozen=True)
class Datapath:
    """One way in which a layer's sums become trains or potentials.

    `planes` currents come in; with `steps_in_sum` each of the `calls` of `integrate` takes their
    sum, else the planes one after the other. `gather` as in `gather_mode`.
    """

    neuron: NeuronOp
    planes: int
    calls: int
    steps: int
    fraction: int
    gather: str
    is_readout: bool
    takes_sum: bool

    def current(self) -> str:
        """The current of call `step` for channel `c`."""
        scale = f" * ((name_int)1 << {self.fraction})" if self.fraction else ""
        if self.gather == BY_PLANE and self.takes_sum:
            terms = (f"sums.plane[{p}][c] * ((name_int)1 << {self.planes - 1 - p})"
                     for p in range(self.planes))  # fmt: skip
            return f"({' + '.join(terms)}){scale}"
        if self.gather == BY_PLANE:
            return f"sums.plane[step][c]{scale}"
        if self.takes_sum:
            return f"sums.total[c]{scale}"
        # Integration is linear: the sum over all planes may come with the last of them.
        return f"step + 1 == {self.calls} ? sums.total[c]{scale} : 0"


class DatapathPrinter:
    """The C function of one datapath."""

    def __init__(self, index: int, path: Datapath):
        self.index, self.path, self.neuron = index, path, path.neuron
        names = Names()
        self.states = [names.of(f"{name}s") for name in self.neuron.state_names]
        self.parameters = [f"param_{name}[tile][c]" for name in self.neuron.param_names]
        self.state_values = [f"{name}[c]" for name in self.states]

    def text(self) -> str:
        path, emission = self.path, self.neuron.emission.data
        kind = "readout" if path.is_readout else "fire"
        out = "int32_t *value" if path.is_readout else "uint32_t *word"
        summed = "" if path.gather == BY_PLANE else " summed at once"
        lines = [
            f"/* @{self.neuron.sym_name.data}: {path.planes} planes of currents{summed}, "
            + (f"{path.steps} steps out" if not path.is_readout else "potentials out")
            + f", fraction {path.fraction}. */",
            f"static void {kind}_{self.index}(name_state *s, const struct tile *t, int32_t oy, "
            f"int32_t ox, {out})",
            "{",
            "    const ptrdiff_t tile = t - tiles;",
            "    struct sums sums;",
            f"    {INT} {', '.join(f'{name}[CHANNELS]' for name in self.states)};",
            "",
            f"    add_currents(s, t, oy, ox, {path.gather}, {path.planes}, &sums);",
        ]
        if not self.neuron.param_names:
            lines[3] = ""
        lines += self.loop("start", self.parameters, depth=1, head="start")
        integrate = [*self.state_values, path.current(), *self.parameters]
        fire = [*self.state_values, *self.parameters]
        if emission == "causal":
            lines += self.words()
            lines.append(f"    for (int step = 0; step < {path.calls}; ++step) {{")
            lines += self.loop("integrate", integrate, depth=2)
            lines += self.fire([*fire, f"{path.calls - 1} - step"])
            lines.append("    }")
        else:
            lines.append(f"    for (int step = 0; step < {path.calls}; ++step)")
            lines += self.loop("integrate", integrate, depth=2)
            lines += self.loop("settle", fire, depth=1)
            if emission == "after":
                lines += self.words()
                lines.append(f"    for (int step = 0; step < {path.steps}; ++step) {{")
                lines += self.fire([*fire, f"{path.steps - 1} - step"])
                lines.append("    }")
        if path.is_readout:
            lines += [
                "    for (int c = 0; c < CHANNELS; ++c)",
                f"        value[c] = (int32_t){self.states[0]}[c];",
            ]
        lines.append("}\n")
        return "\n".join(line for line in lines if line is not None)

    def words(self) -> list[str]:
        return ["    for (int c = 0; c < CHANNELS; ++c)", "        word[c] = 0;"]

    def fire(self, arguments: Sequence[str]) -> list[str]:
        return self.loop("fire", arguments, depth=2, spikes=True)

    def loop(self, role: str, arguments, *, depth: int, head="", spikes=False) -> list[str]:
        """A region for all channels."""
        lines, results = region_lines(self.neuron, role, arguments)
        stores = [
            f"{state} = {value};"
            for state, value in zip(self.state_values, results, strict=False)
            if value != state
        ]
        if spikes and not self.path.is_readout:
            stores.append(f"word[c] = word[c] << 1 | (uint32_t)({results[-1]});")
        pad = "    " * depth
        body = [f"{pad}    {line}" for line in (*lines, *stores)]
        return [f"{pad}for (int c = 0; c < CHANNELS; ++c) {{ /* {role} */", *body, f"{pad}}}"]


def dispatch(kind: str, out: str, paths: dict[int, Datapath]) -> str:
    """The function that calls the datapath of a layer by its number."""
    wanted = [i for i, path in paths.items() if path.is_readout == (kind == "readout")]
    name = out.split("*")[-1]
    lines = [
        f"static void {kind}(name_state *s, int mode, const struct tile *t, int32_t oy, "
        f"int32_t ox, {out})",
        "{",
        "    switch (mode) {",
    ]
    for index in wanted:
        lines += [f"    case {index}:", f"        {kind}_{index}(s, t, oy, ox, {name});",
                  "        break;"]  # fmt: skip
    lines += ["    default:", "        break;", "    }", "}\n"]
    return "\n".join(lines)


def datapaths_text(paths: Sequence[Datapath]) -> str:
    """All datapaths of a program and the two functions that choose among them."""
    numbered = dict(enumerate(paths))
    parts = ["/* Neurons */\n"]
    parts += [DatapathPrinter(i, path).text() for i, path in numbered.items()]
    parts.append(dispatch("fire", "uint32_t *word", numbered))
    parts.append(dispatch("readout", "int32_t *value", numbered))
    return "\n".join(parts)


__all__ = ["BY_VALUE", "Datapath", "datapaths_text"]
