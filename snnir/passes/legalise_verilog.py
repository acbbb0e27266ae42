"""Decide all that a Verilog printer must not: which values are nets, their names, their order."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import IntegerAttr, IntegerType, ModuleOp, StringAttr
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue
from xdsl.passes import ModulePass

from snnir.dialects.location import place
from snnir.errors import UserError
from snnir.hardware.language import netlist
from snnir.hardware.language.names import Namespace, is_legal
from snnir.hardware.language.netlist import NAME_ATTR


@dataclass(frozen=True)
class LegaliseVerilogPass(ModulePass):
    """Bring hw.modules into the form that is printed as Verilog line by line.

    What: afterwards a value with the attribute `sv.namehint` is a net of that name, every other
    value is written into the expression that uses it, and combinational ops stand in an order in
    which each net is declared before it is used.

    Why: a printer that names, orders or splits cannot be tested on the IR, and the rules of
    Verilog-2001 (no part select of an expression, no reserved word as a name, declaration before
    use) are rules about the design, not about text.

    Algorithm, per hw.module:

    1. What reaches no output and no instance is removed.
    2. Combinational ops are ordered by their operands; a combinational loop is an error.
    3. A value becomes a net if it has a name, if a part of it is selected, if it is used more than
       once (other than a part select or a complement of a net), or if the expression around it
       would grow beyond `max_length`: then its longest operands are split off.
    4. Nets take their own name, made legal and unique.  Names of ports come first, then instances
       and their outputs (INSTANCE_PORT), then registers, then wires.  A register or wire that
       has the name of an output it drives becomes that output.  Nameless nets are called after
       the register that they feed or after their op.
    5. Bits that nothing reads are gathered in one net `_unused`, which linters know as intended.

    Assumptions: integer types only, no zero widths; arrays are not lowered here.

    Options:
        max_length: characters that an expression may have before it is split.
    """

    name = "legalise-verilog"

    max_length: int = 80

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for module in op.body.block.ops:
            if isinstance(module, hw.HWModuleOp):
                _legalise(module, self.max_length)
            elif isinstance(module, hw.HWModuleExternOp):
                _check_interface(module)


def _legalise(module: hw.HWModuleOp, max_length: int) -> None:
    _check_interface(module)
    netlist.erase_dead(module)
    order = netlist.combinational_order(module)
    _reorder(module, order)
    wires = _choose_wires(order, max_length)
    _name(module, order, wires)
    _gather_unused(module)


def _check_interface(module: hw.HWModuleOp | hw.HWModuleExternOp) -> None:
    where, module_name = place(module), module.sym_name.data
    if not is_legal(module_name):
        raise UserError(
            f"module name '{module_name}' is not a Verilog identifier",
            where=where,
            hint="rename the module",
        )
    seen: set[str] = set()
    for port in module.module_type.ports.data:
        name = port.port_name.data
        if not is_legal(name):
            raise UserError(
                f"module @{module_name}: port '{name}' is not a Verilog identifier",
                where=where,
                hint="rename the port",
            )
        if name in seen:
            raise UserError(f"module @{module_name}: two ports are called '{name}'", where=where)
        seen.add(name)
        if port.type == IntegerType(0) or not isinstance(port.type, IntegerType | seq.ClockType):
            raise UserError(
                f"module @{module_name}: port '{name}' has type {port.type}",
                where=where,
                hint="Verilog ports are clocks and integers of at least one bit",
            )


def _reorder(module: hw.HWModuleOp, order: list[Operation]) -> None:
    """Registers, instances, then expressions, operands first; the terminator stays last."""
    block = module.body.block
    others = [op for op in block.ops if not netlist.is_combinational(op)]
    for op in [*block.ops]:
        op.detach()
    block.add_ops([*others[:-1], *order, others[-1]])


# Which values are nets


def _choose_wires(order: list[Operation], max_length: int) -> set[SSAValue]:
    """The results that get a wire of their own; see step 3 of the pass."""
    wires: set[SSAValue] = set()
    length: dict[SSAValue, int] = {}

    def text_length(value: SSAValue) -> int:
        if value in wires or value not in length:
            return len(netlist.name_of(value) or "a_wire_0")
        return length[value]

    for op in order:
        (result,) = op.results
        if isinstance(op, hw.ConstantOp):
            length[result] = 4 + netlist.width_of(result) // 4
            if any(isinstance(use.operation, comb.ExtractOp) for use in result.uses):
                wires.add(result)
            continue
        if netlist.name_of(result) is not None or _needs_wire(result, wires):
            wires.add(result)
        # A concatenation is a list: it reads well over several lines, so it is never split.
        if not isinstance(op, comb.ConcatOp):
            for operand in sorted(dict.fromkeys(op.operands), key=text_length, reverse=True):
                if _length(op, text_length) <= max_length:
                    break
                if _is_inlined(operand, wires):
                    wires.add(operand)
        length[result] = _length(op, text_length)
    return wires


def _length(op: Operation, text_length) -> int:
    return 4 + sum(text_length(operand) + 3 for operand in op.operands)


def _is_inlined(value: SSAValue, wires: set[SSAValue]) -> bool:
    owner = value.owner
    return (
        isinstance(owner, Operation)
        and netlist.is_combinational(owner)
        and not isinstance(owner, hw.ConstantOp | comb.ExtractOp)
        and value not in wires
    )


def _needs_wire(result: SSAValue, wires: set[SSAValue]) -> bool:
    uses = list(result.uses)
    if any(isinstance(use.operation, comb.ExtractOp) for use in uses):
        return True
    op = result.owner
    if len(uses) == 1 or isinstance(op, comb.ExtractOp):
        return False
    return not (is_complement(op) and not _is_inlined(op.operands[0], wires))


def is_complement(op: Operation) -> bool:
    """Whether the op is `~x`: an exclusive or with all ones."""
    if not isinstance(op, comb.XorOp) or len(op.inputs) != 2:
        return False
    mask = op.inputs[1].owner
    return (
        isinstance(mask, hw.ConstantOp)
        and (mask.value.value.data + 1) % (1 << netlist.width_of(op.result)) == 0
    )


# What they are called


def _name(module: hw.HWModuleOp, order: list[Operation], wires: set[SSAValue]) -> None:
    outputs = netlist.output_names(module)
    space = Namespace({*netlist.input_names(module), *outputs})
    drives: dict[SSAValue, set[str]] = {}
    for name, driver in zip(outputs, module.body.block.last_op.operands, strict=True):
        drives.setdefault(driver, set()).add(name)

    for op in module.body.block.ops:
        if isinstance(op, hw.InstanceOp):
            op.attributes["instanceName"] = StringAttr(_instance_name(op, space))
    registers = [op for op in module.body.block.ops if isinstance(op, seq.CompRegOp)]
    nets = [op.data for op in registers]
    nets += [op.results[0] for op in order if op.results[0] in wires]
    # Given names first, so that a made-up one never takes a name away from its owner.
    for given in (True, False):
        for net in nets:
            wanted = netlist.name_of(net)
            if (wanted is not None) != given:
                continue
            if wanted in drives.get(net, ()):
                name = wanted
            else:
                name = space.claim(wanted if wanted is not None else _made_up_name(net))
            net.name_hint = name
            net.op.attributes[NAME_ATTR] = StringAttr(name)
    for op in order:
        if op.results[0] not in wires:
            op.attributes.pop(NAME_ATTR, None)


def _instance_name(op: hw.InstanceOp, space: Namespace) -> str:
    """A name that is free together with those of the instance's outputs."""
    ports = [port.data for port in op.result_names.data]
    name = space.claim(op.instance_name.data)
    while not all(space.is_free(f"{name}_{port}") for port in ports):
        name = space.claim(op.instance_name.data)
    for port in ports:
        space.claim(f"{name}_{port}")
    return name


def _made_up_name(net: OpResult) -> str:
    if isinstance(net.op, seq.CompRegOp):
        return "reg_q"
    uses = list(net.uses)
    if len(uses) == 1 and isinstance(uses[0].operation, seq.CompRegOp):
        register = uses[0].operation.data
        name = netlist.name_of(register)
        if name is not None and uses[0].index == 0:
            return f"{name}_next"
    return net.op.name.split(".")[1]


# What nothing reads


def _gather_unused(module: hw.HWModuleOp) -> None:
    unread: list[SSAValue] = []
    block = module.body.block
    for value in [*block.args, *(result for op in block.ops for result in op.results)]:
        width = netlist.width_of(value)
        if isinstance(value.type, seq.ClockType) or not is_net(value):
            continue
        read = 0
        owner = value.owner
        kept = netlist.keeping_use(owner) if isinstance(owner, seq.CompRegOp) else None
        for use in value.uses:
            if (use.operation, use.index) == kept:
                continue
            user = use.operation
            if isinstance(user, comb.ExtractOp):
                read |= ((1 << user.result.type.width.data) - 1) << user.low_bit.value.data
            else:
                read = (1 << width) - 1
                break
        low = width if read == (1 << width) - 1 else 0
        while low < width:
            if (read >> low) & 1:
                low += 1
                continue
            high = low
            while high < width and not (read >> high) & 1:
                high += 1
            if high - low == width:
                unread.append(value)
            else:
                part = comb.ExtractOp(value, IntegerAttr(low, 32), IntegerType(high - low))
                block.insert_op_before(part, block.last_op)
                unread.append(part.result)
            low = high
    if unread:
        whole = IntegerType(sum(netlist.width_of(value) for value in unread))
        gathered = comb.ConcatOp(unread, whole)
        gathered.attributes[NAME_ATTR] = StringAttr(_unused_name(module))
        block.insert_op_before(gathered, block.last_op)


def is_net(value: SSAValue) -> bool:
    """Whether a value of a legalised module has a name of its own in Verilog."""
    if isinstance(value, BlockArgument) or isinstance(value.owner, hw.InstanceOp):
        return True
    return NAME_ATTR in value.owner.attributes


def _unused_name(module: hw.HWModuleOp) -> str:
    values = [*module.body.block.args, *(r for op in module.body.block.ops for r in op.results)]
    names = {netlist.name_of(value) for value in values if is_net(value)}
    return Namespace({*names, *netlist.output_names(module)} - {None}).claim("_unused")
