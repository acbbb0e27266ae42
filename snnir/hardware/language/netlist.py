"""Names and order inside an hw.module: what a value is called, and which op comes before which."""

from collections.abc import Iterable

from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import IntegerType, StringAttr
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue

from snnir.dialects.location import place
from snnir.errors import UserError

# CIRCT's attribute for the Verilog name of a value.  SSA name hints cannot hold every name: a
# trailing `_3` is taken for the printer's own numbering and lost.
NAME_ATTR = "sv.namehint"

KEEP_ATTR = "keep"
"""On a register: synthesis may not merge it with another of the same value."""


def width_of(value: SSAValue | Attribute) -> int:
    """Width of an integer value [bit]; a clock counts as one."""
    type_ = value.type if isinstance(value, SSAValue) else value
    return type_.width.data if isinstance(type_, IntegerType) else 1


def set_name(value: OpResult, name: str) -> None:
    """Call a value `name` in the IR, in Verilog and in the waveform."""
    value.name_hint = name
    if value.name_hint != name:
        value.op.attributes[NAME_ATTR] = StringAttr(name)


def name_of(value: SSAValue) -> str | None:
    """The name that a value was given, if any; an instance's output is INSTANCE_PORT."""
    if isinstance(value, BlockArgument):
        return input_names(value.block.parent_op())[value.index]
    if isinstance(value.owner, hw.InstanceOp):
        instance = value.owner
        return f"{instance.instance_name.data}_{instance.result_names.data[value.index].data}"
    named = value.owner.attributes.get(NAME_ATTR)
    return named.data if isinstance(named, StringAttr) else value.name_hint


def ports(module: hw.HWModuleOp | hw.HWModuleExternOp, direction: hw.Direction):
    """The ports of one direction as (name, type), in order."""
    return [
        (port.port_name.data, port.type)
        for port in module.module_type.ports.data
        if port.dir.data == direction
    ]


def input_names(module: hw.HWModuleOp | hw.HWModuleExternOp) -> list[str]:
    return [name for name, _ in ports(module, hw.Direction.INPUT)]


def output_names(module: hw.HWModuleOp | hw.HWModuleExternOp) -> list[str]:
    return [name for name, _ in ports(module, hw.Direction.OUTPUT)]


def keeping_use(register: seq.CompRegOp) -> tuple[Operation, int] | None:
    """The nameless mux before a register that otherwise keeps its value, and which operand that is.

    Such a mux is a clock enable, in which the value is not read.
    """
    choice = register.input.owner
    if isinstance(choice, comb.MuxOp) and NAME_ATTR not in choice.attributes:
        for index in (2, 1):
            if choice.operands[index] is register.data:
                return choice, index
    return None


def is_combinational(op: Operation) -> bool:
    """Whether the op's results depend on its operands alone, within the same clock."""
    return isinstance(op, hw.ConstantOp) or op.name in _COMB_NAMES


_COMB_NAMES = frozenset(op.name for op in comb.Comb.operations)


def combinational_order(module: hw.HWModuleOp) -> list[Operation]:
    """The combinational ops of a module, operands first, otherwise in the order of the text.

    An hw.module is a graph: a use may stand before its definition, as register feedback needs.
    Registers and instances are sources, so loops through them are no loops here.

    Raises:
        UserError: the module has a combinational loop.
    """
    order: list[Operation] = []
    state: dict[Operation, bool] = {}  # False: on the stack, True: placed
    for root in module.body.block.ops:
        if not is_combinational(root) or root in state:
            continue
        stack: list[tuple[Operation, Iterable]] = [(root, iter(root.operands))]
        state[root] = False
        while stack:
            op, operands = stack[-1]
            for operand in operands:
                producer = operand.owner
                if not isinstance(producer, Operation) or not is_combinational(producer):
                    continue
                if producer not in state:
                    state[producer] = False
                    stack.append((producer, iter(producer.operands)))
                    break
                if not state[producer]:
                    loop = [entry[0] for entry in stack]
                    raise UserError(
                        f"module @{module.sym_name.data}: combinational loop through "
                        + _describe(loop[loop.index(producer) :]),
                        where=place(op),
                        hint="put a register into it",
                    )
            else:
                stack.pop()
                state[op] = True
                order.append(op)
    return order


def _describe(loop: list[Operation]) -> str:
    names = [name_of(result) for op in loop for result in op.results]
    return ", ".join(dict.fromkeys(name for name in names if name)) or loop[0].name


def live_ops(module: hw.HWModuleOp) -> set[Operation]:
    """The ops that reach an output or an instance; the others have no effect."""
    work = [op for op in module.body.block.ops if isinstance(op, hw.OutputOp | hw.InstanceOp)]
    live = set(work)
    while work:
        for operand in work.pop().operands:
            producer = operand.owner
            if isinstance(producer, Operation) and producer not in live:
                live.add(producer)
                work.append(producer)
    return live


def erase_dead(module: hw.HWModuleOp) -> None:
    """Remove what reaches neither an output nor an instance, registers with feedback included."""
    live = live_ops(module)
    dead = [op for op in module.body.block.ops if op not in live]
    for op in dead:
        op.operands = ()
    for op in dead:
        op.detach()
        op.erase()
