"""A pipeline of hw.modules as a function of what came in at each clock: registers unrolled.

What leaves at clock t is made from inputs of clocks t, t-1, ...; a register's value is its input
one clock earlier. Nothing is assumed of the pipeline: an input that was taken a clock too early or
too late is another variable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from snnir.dialects.location import place
from snnir.errors import UserError
from snnir.hardware.language.netlist import input_names, is_combinational, output_names, width_of
from snnir.interpreters.comb import compute


@dataclass(eq=False)
class Net:
    """A value of the unrolled circuit.

    Args:
        kind: `input`, `constant`, `extract` (of the one operand, from bit `data`), `concat`, `op`.
        data: the constant; the lowest bit; (port, clocks ago) of an input.
    """

    kind: str
    width: int
    operands: tuple[Net, ...] = ()
    op: Operation | None = None
    data: int | tuple[str, int] | None = None
    number: int = 0

    @property
    def constant(self) -> int | None:
        return self.data if self.kind == "constant" else None


@dataclass(eq=False)
class _Frame:
    """A module where it is instantiated; the top has no instance."""

    module: hw.HWModuleOp
    parent: _Frame | None = None
    instance: hw.InstanceOp | None = None

    def __post_init__(self) -> None:
        names = output_names(self.module)
        self.outputs = dict(zip(names, self.module.body.block.last_op.operands, strict=True))
        self.inputs = input_names(self.module)
        self.children: dict[Operation, _Frame] = {}


_Place = tuple[_Frame, SSAValue, int]


class Circuit:
    """The outputs of a design's first module as functions of its inputs.

    Args:
        fixed: inputs that are held at a value in all clocks.
        steady: inputs that are held at any value in all clocks.
        split: widths of the parts that an input is made of, the lowest first: each is an input of
            its own, called `port[0]`, `port[1]`, ...
        depth: clocks after which registers are taken to hold anything.

    Raises:
        UserError: an op or an instance that has no meaning here.
    """

    def __init__(
        self,
        design: ModuleOp,
        *,
        fixed: Mapping[str, int] | None = None,
        steady: Sequence[str] = (),
        split: Mapping[str, Sequence[int]] | None = None,
        depth: int,
    ):
        self.modules = {
            op.sym_name.data: op for op in design.body.block.ops if isinstance(op, hw.HWModuleOp)
        }
        self.fixed, self.split, self.depth = fixed or {}, split or {}, depth
        self.steady = steady
        self.nets: list[Net] = []
        self._made: dict[tuple, Net] = {}
        self._known: dict[_Place, Net] = {}
        self.top = _Frame(next(iter(self.modules.values())))
        self.outputs = {
            name: self._resolve((self.top, driver, 0)) for name, driver in self.top.outputs.items()
        }

    def input(self, name: str, width: int, age: int) -> Net:
        return self._make("input", width, data=(name, 0 if name in self.steady else age))

    # Nets, each made once

    def _make(self, kind: str, width: int, operands=(), op=None, data=None) -> Net:
        what = None
        if op is not None:
            predicate = op.predicate.value.data if isinstance(op, comb.ICmpOp) else None
            what = (type(op), predicate)
        key = (kind, width, tuple(map(id, operands)), what, data)
        net = self._made.get(key)
        if net is None:
            net = self._made[key] = Net(kind, width, tuple(operands), op, data, len(self.nets))
            self.nets.append(net)
        return net

    def constant(self, value: int, width: int) -> Net:
        return self._make("constant", width, data=value & ((1 << width) - 1))

    def extract(self, net: Net, low: int, width: int) -> Net:
        if width == net.width:
            return net
        if net.kind == "constant":
            return self.constant(net.data >> low, width)
        if net.kind == "extract":
            return self.extract(net.operands[0], net.data + low, width)
        if net.kind == "concat":
            base = 0
            for part in reversed(net.operands):
                if base <= low and low + width <= base + part.width:
                    return self.extract(part, low - base, width)
                base += part.width
        return self._make("extract", width, (net,), data=low)

    def concat(self, parts: Sequence[Net]) -> Net:
        if len(parts) == 1:
            return parts[0]
        if all(part.kind == "constant" for part in parts):
            value = 0
            for part in parts:
                value = value << part.width | part.data
            return self.constant(value, sum(part.width for part in parts))
        return self._make("concat", sum(part.width for part in parts), parts)

    # From IR

    def _resolve(self, root: _Place) -> Net:
        """The net of a value so many clocks ago; a stack in place of deep recursion."""
        stack = [root]
        while stack:
            at = stack[-1]
            if at in self._known:
                stack.pop()
                continue
            found = self._step(*at)
            if isinstance(found, Net):
                self._known[at] = found
                stack.pop()
            else:
                stack += found
        return self._known[root]

    def _step(self, frame: _Frame, value: SSAValue, age: int) -> Net | list[_Place]:
        """The net, or what has to be known before."""
        if isinstance(value, BlockArgument):
            if frame.parent is None:
                return self._input(frame.inputs[value.index], width_of(value), age)
            return self._follow((frame.parent, frame.instance.operands[value.index], age))
        op = value.owner
        if isinstance(op, seq.CompRegOp):
            return self._register(frame, op, age)
        if isinstance(op, hw.InstanceOp):
            child = self._child(frame, op)
            return self._follow((child, child.outputs[op.result_names.data[value.index].data], age))
        if isinstance(op, hw.ConstantOp):
            return self.constant(op.value.value.data, width_of(value))
        if not is_combinational(op):
            raise UserError(f"no meaning of {op.name} is known in a proof", where=place(op))
        return self._combinational(frame, op, age)

    def _follow(self, at: _Place) -> Net | list[_Place]:
        return self._known.get(at) or [at]

    def _input(self, name: str, width: int, age: int) -> Net:
        if name in self.fixed:
            return self.constant(self.fixed[name], width)
        if name in self.split:
            parts = [self.input(f"{name}[{i}]", w, age) for i, w in enumerate(self.split[name])]
            return self.concat(parts[::-1])
        return self.input(name, width, age)

    def _register(self, frame: _Frame, op: seq.CompRegOp, age: int) -> Net | list[_Place]:
        if age >= self.depth:
            return self.input(f"register {self._number(frame, op)}", width_of(op.data), age)
        if op.reset is None:
            return self._follow((frame, op.input, age + 1))
        wanted = [(frame, v, age + 1) for v in (op.reset, op.reset_value, op.input)]
        if missing := [at for at in wanted if at not in self._known]:
            return missing
        reset, value, following = (self._known[at] for at in wanted)
        # As ((x ^ y) & r...) ^ y: a multiplexer that no op of the module stands for.
        mask = self.concat([reset] * value.width)
        return self._boolean(comb.OrOp, self._boolean(comb.AndOp, mask, value),
                             self._boolean(comb.AndOp, self._inverse(mask), following))  # fmt: skip

    def _number(self, frame: _Frame, op: seq.CompRegOp) -> str:
        """Which register of which instance, in the order of the text."""
        registers = [o for o in frame.module.body.block.ops if isinstance(o, seq.CompRegOp)]
        where = [str(registers.index(op))]
        while frame.parent is not None:
            where.append(frame.instance.instance_name.data)
            frame = frame.parent
        return ".".join(reversed(where))

    def _boolean(self, kind: type[Operation], a: Net, b: Net) -> Net:
        word = hw.ConstantOp(0, a.width).result
        return self._make("op", a.width, (a, b), kind([word, word]))

    def _inverse(self, net: Net) -> Net:
        return self._boolean(comb.XorOp, net, self.constant(-1, net.width))

    def _child(self, frame: _Frame, op: hw.InstanceOp) -> _Frame:
        if op not in frame.children:
            module = self.modules.get(op.module_name.root_reference.data)
            if module is None:
                raise UserError(
                    f"instance '{op.instance_name.data}' has no meaning in a proof", where=place(op)
                )
            frame.children[op] = _Frame(module, frame, op)
        return frame.children[op]

    def _combinational(self, frame: _Frame, op: Operation, age: int) -> Net | list[_Place]:
        places = [(frame, operand, age) for operand in op.operands]
        if isinstance(op, comb.MuxOp):
            # What a constant never chooses is not looked at.
            if places[0] not in self._known:
                return places[:1]
            condition = self._known[places[0]].constant
            if condition is not None:
                return self._follow(places[1 if condition else 2])
        if missing := [at for at in places if at not in self._known]:
            return missing
        operands = [self._known[at] for at in places]
        width = width_of(op.results[0])
        if isinstance(op, comb.ExtractOp):
            return self.extract(operands[0], op.low_bit.value.data, width)
        if isinstance(op, comb.ConcatOp):
            return self.concat(operands)
        if isinstance(op, comb.ReplicateOp):
            return self.concat(operands * (width // operands[0].width))
        if all(operand.constant is not None for operand in operands):
            return self.constant(compute(op, [o.constant for o in operands]), width)
        return self._make("op", width, operands, op)


def evaluate_nets(
    nets: Sequence[Net], inputs: Mapping[Net, Sequence[int]], count: int
) -> dict[Net, tuple[int, ...]]:
    """The value of every net for `count` values of the inputs; operands come first in `nets`."""
    known: dict[Net, tuple[int, ...]] = {}
    for net in nets:
        if net.kind == "input":
            known[net] = tuple(inputs[net])
        elif net.kind == "constant":
            known[net] = (net.data,) * count
        elif net.kind == "extract":
            mask = (1 << net.width) - 1
            known[net] = tuple(value >> net.data & mask for value in known[net.operands[0]])
        elif net.kind == "concat":
            result = known[net.operands[0]]
            for part in net.operands[1:]:
                result = tuple(
                    a << part.width | b for a, b in zip(result, known[part], strict=True)
                )
            known[net] = result
        else:
            columns = zip(*(known[operand] for operand in net.operands), strict=True)
            known[net] = tuple(compute(net.op, list(values)) for values in columns)
    return known
