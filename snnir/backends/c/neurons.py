"""Neurons as C: the regions of `snn.neuron` become loops over channels, one op per line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import arith
from xdsl.ir import Operation, SSAValue

from snnir.backends.c.gather import BY_PLANE
from snnir.dialects.snn import LookupOp, NeuronOp
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

RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while c step s t word value train tile oy ox sums ones runs tiles streams
    layers activate receive pool append factor index later kept""".split()  # noqa: SIM905
)


@dataclass
class Names:
    """Unique C names made from name hints."""

    taken: set[str] = field(default_factory=lambda: set(RESERVED))

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
    if isinstance(op, LookupOp):
        (index,), last = operands, len(op.entries) - 1
        table = f"(const {INT}[]){{{', '.join(map(str, op.entries))}}}"
        return f"({table})[{index} < 0 ? 0 : {index} > {last} ? {last} : {index}]"
    text = EXPRESSIONS.get(type(op))
    if text is None:
        others = (arith.CmpiOp, arith.ConstantOp, LookupOp)
        known = sorted(kind.name for kind in (*EXPRESSIONS, *others))
        raise UserError(f"{op.name} in a neuron has no C form", hint=f"use {', '.join(known)}")
    return text.format(*operands)


def region_lines(
    neuron: NeuronOp, role: str, known: dict[str, str], taken: set[str]
) -> tuple[list[str], list[str]]:
    """The ops of a region as C declarations, and the expressions that it yields.

    Args:
        known: C expression of each block argument by its name; the current `i` and the steps
            `left` are declared first, if the region uses them.
        taken: names that declarations must not hide.
    """
    block = neuron.role(role).block
    names, lines = Names(set(taken)), []
    values: dict[SSAValue, str] = {}
    for argument, hint in zip(block.args, neuron.argument_names(role), strict=True):
        values[argument] = known[hint]
        if hint in ("i", "left") and argument.uses:
            values[argument] = names.of(hint)
            lines.append(f"const {INT} {values[argument]} = {known[hint]};")
    for op in block.ops:
        if op is block.last_op:
            break
        (result,) = op.results
        if isinstance(op, arith.ConstantOp):
            value = op.value.value.data
            values[result] = _literal(value) if str(result.type) == "i64" else str(int(value != 0))
            continue
        text = _expression(op, [values[operand] for operand in op.operands])
        kind = INT if str(result.type) == "i64" else "int"
        values[result] = names.of(result.name_hint)
        lines.append(f"const {kind} {values[result]} = {text};")
    return lines, [values[value] for value in block.last_op.operands]


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
    keeps: bool = False

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
    """The C function of one datapath: the currents of a pixel, then each channel's neuron."""

    def __init__(self, index: int, path: Datapath):
        self.index, self.path, self.neuron = index, path, path.neuron
        names = Names()
        self.states = {name: names.of(name) for name in self.neuron.state_names}
        self.params = {name: names.of(name) for name in self.neuron.param_names}
        self.taken = names.taken
        self.name = f"{'readout' if path.is_readout else 'fire'}_{index}"

    def text(self) -> str:
        path = self.path
        body = self.neuron_lines()
        tile = "    const ptrdiff_t tile = t - tiles;"
        lines = [
            *self.title(),
            f"static void {self.name}(name_state *s, const struct tile *t, int32_t oy, int32_t ox,",
            f"            {' ' * len(self.name)} int32_t *value)",
            "{",
            *([tile] if any("[tile]" in line for line in body) else []),
            *(
                [f"    {INT} *const kept = kept_of(s, t, oy, ox, {len(self.states)});"]
                if path.keeps
                else []
            ),
            "    struct sums sums;",
            "",
            f"    add_currents(s, t, oy, ox, {path.gather}, {path.planes}, &sums);",
            "    for (int c = 0; c < ROW; ++c) {",
            *_indented(_indented(body)),
            "    }",
            "}\n",
        ]
        return "\n".join(lines)

    def title(self) -> list[str]:
        path = self.path
        summed = "" if path.gather == BY_PLANE else ", summed at once"
        out = "potentials" if path.is_readout else f"{path.steps} steps"
        return [
            f"/* Neuron @{self.neuron.sym_name.data}: {path.planes} planes of currents{summed}, "
            f"shifted by {path.fraction}; {out} out. */"
        ]

    def neuron_lines(self) -> list[str]:
        """The life of one neuron over one image."""
        path, emission = self.path, self.neuron.emission.data
        used = "\n".join(line for role in self.neuron.ROLES for line in self.region(role))
        lines = [
            f"const {INT} {text} = param_{name}[tile][c];"
            for name, text in self.params.items()
            if re.search(rf"\b{text}\b", used)
        ]
        lines.append(f"{INT} {', '.join(self.states.values())};")
        if emission != "none":
            lines.append("uint32_t train = 0;")
        lines += self.begin()
        integrate = self.region("integrate", i=path.current())
        if emission == "causal":
            fire = self.region("fire", left=f"{path.calls - 1} - step")
            lines += _loop(path.calls, ["{", *_indented([*integrate, *fire]), "}"])
        else:
            lines += [*_loop(path.calls, integrate), *self.region("settle")]
        if emission == "after":
            lines += _loop(path.steps, self.region("fire", left=f"{path.steps - 1} - step"))
        result = next(iter(self.states.values())) if path.is_readout else "train"
        if path.keeps:
            lines += [
                f"kept[{index} * ROW + c] = c < t->channels ? {state} : 0;"
                for index, state in enumerate(self.states.values())
            ]
        return [*lines, f"value[c] = (int32_t){result};"]

    def begin(self) -> list[str]:
        """The states as declared, or as they were at the end of the window before."""
        start = self.region("start")
        if not self.path.keeps:
            return start
        known = [
            f"{state} = kept[{index} * ROW + c];"
            for index, state in enumerate(self.states.values())
        ]
        return ["if (s->window == 0) {", *_indented(start), "} else {", *_indented(known), "}"]

    def region(self, role: str, **arguments: str) -> list[str]:
        """A region as a block: its ops, and what they do to the states and the train."""
        known = {"i": "i", "left": "left", **self.states, **self.params, **arguments}
        lines, results = region_lines(self.neuron, role, known, self.taken)
        changes = [
            (state, value)
            for state, value in zip(self.states.values(), results, strict=False)
            if state != value
        ]
        # States that are exchanged need their old values until all are known.
        if {state for state, _ in changes} & {value for _, value in changes}:
            lines += [f"const {INT} new_{state} = {value};" for state, value in changes]
            changes = [(state, f"new_{state}") for state, _ in changes]
        lines += [f"{state} = {value};" for state, value in changes]
        if role == "fire":
            lines.append(f"train = train << 1 | (uint32_t){results[-1]};")
        return [f"{{ /* {role} */", *_indented(lines), "}"] if lines else []


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _loop(count: int, block: Sequence[str]) -> list[str]:
    """A block for each of some steps; nothing for a block of nothing."""
    if not block:
        return []
    return [f"for (int step = 0; step < {count}; ++step) {block[0]}", *block[1:]]


def datapaths_text(paths: Sequence[Datapath]) -> str:
    """All datapaths of a program and the function that chooses among them."""
    printers = [DatapathPrinter(index, path) for index, path in enumerate(paths)]
    lines = [
        "/* What a tile's channels make at one pixel: trains, or potentials in a readout. */",
        "static void activate(name_state *s, int mode, const struct tile *t, int32_t oy, "
        "int32_t ox,\n                     int32_t *value)",
        "{",
        "    switch (mode) {",
    ]
    for printer in printers:
        # The last is the default too, so that compilers see that there is always a value.
        label = f"case {printer.index}:" if printer is not printers[-1] else "default:"
        lines += [f"    {label}", f"        {printer.name}(s, t, oy, ox, value);", "        break;"]
    lines += ["    }", "}\n"]
    functions = [printer.text() for printer in printers]
    return "\n".join(["/* Neurons */\n", *functions, *lines])
