"""Runs hw.modules clock by clock on Python integers: the reference for printed Verilog."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from snnir.dialects.location import place
from snnir.errors import UserError
from snnir.hardware.language import netlist
from snnir.hardware.language.folding import signed
from snnir.hardware.language.netlist import width_of
from snnir.hardware.memories import LUTRAM, ROM, Memory, read_memory
from snnir.hardware.xc7 import Cell, evaluate, read_cell


def _quotient(a: int, b: int) -> int:
    """Division towards zero, as hardware and Verilog have it."""
    magnitude = abs(a) // abs(b)
    return magnitude if (a < 0) == (b < 0) else -magnitude


def _fold_inputs(function: Callable[[int, int], int]):
    def compute(op: Operation, values: list[int]) -> int:
        result = values[0]
        for value in values[1:]:
            result = function(result, value)
        return result

    return compute


def _signed_binary(function: Callable[[int, int], int]):
    def compute(op: Operation, values: list[int]) -> int:
        width = width_of(op.results[0])
        return function(signed(values[0], width), signed(values[1], width))

    return compute


_PREDICATES: tuple[Callable[[int, int], bool], ...] = (
    lambda a, b: a == b,
    lambda a, b: a != b,
    *(lambda a, b: a < b, lambda a, b: a <= b, lambda a, b: a > b, lambda a, b: a >= b) * 2,
)


def _compare(op: comb.ICmpOp, values: list[int]) -> int:
    predicate = op.predicate.value.data
    if 2 <= predicate < 6:
        values = [signed(value, width_of(op.lhs)) for value in values]
    return int(_PREDICATES[predicate](*values))


def _concat(op: comb.ConcatOp, values: list[int]) -> int:
    result = 0
    for operand, value in zip(op.inputs, values, strict=True):
        result = (result << width_of(operand)) | value
    return result


def _replicate(op: comb.ReplicateOp, values: list[int]) -> int:
    width = width_of(op.input)
    ones = ((1 << width_of(op.result)) - 1) // ((1 << width) - 1)
    return values[0] * ones


def _shift_left(op: Operation, values: list[int]) -> int:
    # Python would build the whole number before it is cut to the width.
    return values[0] << values[1] if values[1] < width_of(op.results[0]) else 0


# Results are cut to the width of the op's result afterwards.
_COMPUTE: dict[type[Operation], Callable[[Operation, list[int]], int]] = {
    hw.ConstantOp: lambda op, values: op.value.value.data,
    comb.AddOp: _fold_inputs(lambda a, b: a + b),
    comb.MulOp: _fold_inputs(lambda a, b: a * b),
    comb.AndOp: _fold_inputs(lambda a, b: a & b),
    comb.OrOp: _fold_inputs(lambda a, b: a | b),
    comb.XorOp: _fold_inputs(lambda a, b: a ^ b),
    comb.SubOp: lambda op, values: values[0] - values[1],
    comb.DivUOp: lambda op, values: values[0] // values[1],
    comb.ModUOp: lambda op, values: values[0] % values[1],
    comb.DivSOp: _signed_binary(_quotient),
    comb.ModSOp: _signed_binary(lambda a, b: a - b * _quotient(a, b)),
    comb.ShlOp: _shift_left,
    comb.ShrUOp: lambda op, values: values[0] >> values[1],
    comb.ShrSOp: lambda op, values: signed(values[0], width_of(op.result)) >> values[1],
    comb.ICmpOp: _compare,
    comb.ParityOp: lambda op, values: values[0].bit_count() & 1,
    comb.ExtractOp: lambda op, values: values[0] >> op.low_bit.value.data,
    comb.ConcatOp: _concat,
    comb.ReplicateOp: _replicate,
    comb.MuxOp: lambda op, values: values[1] if values[0] else values[2],
}


def compute(op: Operation, operands: list[int]) -> int:
    """The result of one combinational op on unsigned integers."""
    return _COMPUTE[type(op)](op, operands) & ((1 << width_of(op.results[0])) - 1)


class Simulator:
    """An hw.module and all that it instantiates; registers start at 0, or at their power-on value.

        simulator = Simulator(module_op)
        simulator.step(rst=1)["value"]      # the outputs before the clock edge

    Inputs are unsigned integers, outputs too; an input that is not given is 0.  Memories behave
    as the templates say; where those leave a result open, 0 is read.

    Args:
        op: the module to run.  Instances are looked up beside it, in its builtin.module.

    Raises:
        UserError: an op or an extern without a model, or a combinational loop.
    """

    def __init__(self, op: hw.HWModuleOp):
        self.op = op
        self.inputs: Mapping[str, int] = dict.fromkeys(netlist.input_names(op), 0)
        self._outputs = dict(
            zip(netlist.output_names(op), op.body.block.last_op.operands, strict=True)
        )
        self._order = netlist.combinational_order(op)
        self._names = list(self.inputs)
        self._registers: list[seq.CompRegOp] = []
        self._state: dict[SSAValue, int] = {}
        self._children: dict[Operation, Simulator | _MemoryModel | _CellModel] = {}
        self._values: dict[SSAValue, int] = {}
        for inner in op.body.block.ops:
            if isinstance(inner, seq.CompRegOp):
                self._registers.append(inner)
                self._state[inner.data] = 0
            elif isinstance(inner, hw.InstanceOp):
                child = self._children[inner] = _model_of(inner)
                # An output may need only some inputs, so each is fetched when it is read.
                child.inputs = _Pins(self, inner)
            elif type(inner) not in _COMPUTE and not isinstance(inner, hw.OutputOp):
                raise UserError(f"no model of {inner.name}", where=place(inner))
        for register in self._registers:
            if register.power_on_value is not None:
                self._state[register.data] = self.value(register.power_on_value)
        self._values.clear()

    def step(self, inputs: Mapping[str, int] | None = None, **more: int) -> dict[str, int]:
        """The outputs for these inputs, after which one clock edge passes."""
        outputs = self.evaluate(inputs, **more)
        self.clock_edge()
        return outputs

    def evaluate(self, inputs: Mapping[str, int] | None = None, **more: int) -> dict[str, int]:
        """The outputs for these inputs in the present state."""
        given = {**(inputs or {}), **more}
        if unknown := given.keys() - self.inputs.keys():
            raise ValueError(f"{self.op.sym_name.data} has no input {', '.join(sorted(unknown))}")
        self.inputs = {**self.inputs, **given}
        self.forget()
        for op in self._order:  # operands first, so that the recursion of value() stays shallow
            self.value(op.results[0])
        return {name: self.value(driver) for name, driver in self._outputs.items()}

    def output(self, name: str) -> int:
        return self.value(self._outputs[name])

    def peek(self, name: str) -> int:
        """The value of a named net in the state after the last `evaluate` or `step`."""
        for op in self.op.body.block.ops:
            for result in op.results:
                if netlist.name_of(result) == name:
                    return self.value(result)
        raise ValueError(f"{self.op.sym_name.data} has no net {name!r}")

    def value(self, value: SSAValue) -> int:
        """The value of a net, computed when it is first asked for in a clock."""
        known = self._values.get(value)
        if known is None:
            known = self._values[value] = self._compute(value)
        return known

    def _compute(self, value: SSAValue) -> int:
        width = width_of(value)
        if isinstance(value, BlockArgument):
            return self.inputs[self._names[value.index]] & ((1 << width) - 1)
        op = value.owner
        if isinstance(op, seq.CompRegOp):
            return self._state[value]
        if isinstance(op, hw.InstanceOp):
            return self._children[op].output(op.result_names.data[value.index].data)
        return compute(op, [self.value(operand) for operand in op.operands])

    def forget(self) -> None:
        """Forget all but the state: the inputs have changed."""
        self._values.clear()
        for child in self._children.values():
            child.forget()

    def clock_edge(self) -> None:
        """Take over the next state, computed from the present one everywhere."""
        for commit in self.prepare_edge():
            commit()
        self.forget()

    def prepare_edge(self) -> list[Callable[[], None]]:
        """What is to happen at the clock edge, decided before anything happens."""
        following: dict[SSAValue, int] = {}
        for op in self._registers:
            reset = op.reset is not None and self.value(op.reset)
            following[op.data] = self.value(op.reset_value if reset else op.input)
        commits = [lambda: self._state.update(following)]
        for child in self._children.values():
            commits += child.prepare_edge()
        return commits


class _Pins(Mapping[str, int]):
    """The inputs of an instance, read from the module around it on demand."""

    def __init__(self, parent: Simulator, op: hw.InstanceOp):
        self._parent = parent
        self._pins = {
            name.data: value for name, value in zip(op.arg_names.data, op.inputs, strict=True)
        }

    def __getitem__(self, name: str) -> int:
        return self._parent.value(self._pins[name])

    def __iter__(self):
        return iter(self._pins)

    def __len__(self) -> int:
        return len(self._pins)


class _MemoryModel:
    """A memory template: read first, one clock of latency; the LUTRAM reads at once."""

    def __init__(self, memory: Memory):
        self.memory, self.inputs, self._read = memory, {}, 0
        self._rows = [0] * memory.depth
        if memory.init is not None:
            self._rows = [int.from_bytes(row.tobytes(), "little") for row in memory.init]

    def forget(self) -> None:
        pass

    def _row(self) -> int:
        address = self.inputs["raddr"]
        return self._rows[address] if address < self.memory.depth else 0

    def output(self, name: str) -> int:
        return self._row() if self.memory.template == LUTRAM else self._read

    def prepare_edge(self) -> list[Callable[[], None]]:
        read = self._read
        if self.memory.template != LUTRAM and self.inputs.get("re", 1):
            read = self._row()
        write = None
        if self.memory.template != ROM and self.inputs["we"]:
            write = (self.inputs["waddr"], self.inputs["wdata"])

        def commit() -> None:
            self._read = read
            if write is not None and write[0] < self.memory.depth:
                self._rows[write[0]] = write[1]

        return [commit]


class _CellModel:
    """A LUT or a carry chain: its outputs follow its inputs."""

    def __init__(self, cell: Cell):
        self.cell, self.inputs, self._values = cell, {}, None

    def forget(self) -> None:
        self._values = None

    def output(self, name: str) -> int:
        if self._values is None:
            self._values = evaluate(self.cell, self.inputs.__getitem__)
        return self._values[name]

    def prepare_edge(self) -> list[Callable[[], None]]:
        return []


def _model_of(op: hw.InstanceOp) -> Simulator | _MemoryModel | _CellModel:
    design = op.parent_op().parent_op()
    name = op.module_name.root_reference.data
    if isinstance(design, ModuleOp):
        for module in design.body.block.ops:
            if isinstance(module, hw.HWModuleOp) and module.sym_name.data == name:
                return Simulator(module)
            if isinstance(module, hw.HWModuleExternOp) and module.sym_name.data == name:
                memory = read_memory(module)
                if memory is not None:
                    return _MemoryModel(memory)
                cell = read_cell(module)
                if cell is not None:
                    return _CellModel(cell)
    raise UserError(
        f"instance '{op.instance_name.data}': no model of module @{name}", where=place(op)
    )
