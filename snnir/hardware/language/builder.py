"""A small language for generators: signals and registers in Python become hw/comb/seq ops.

    m = Module("counter")
    clk, rst, en = m.clock("clk"), m.input("rst", 1), m.input("en", 1)
    count = m.reg("count", 8, reset=0)
    count.next = mux(en, count + 1, count)
    m.output("value", count)
    op = m.build()

Widths never change silently: both sides of an operator have one width, extensions say whether
they are signed.  An identical expression is built once; what folds away is never built.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import (
    ArrayAttr,
    FlatSymbolRefAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    UnitAttr,
)
from xdsl.ir import Block, Operation, OpResult, Region, SSAValue

from snnir.hardware.language import netlist
from snnir.hardware.language.signals import Signal, as_signal, cat, mux, rep, select

__all__ = ["Module", "Register", "Signal", "Wire", "cat", "design", "mux", "rep", "select"]


class Register(Signal):
    """A register; assign `next` once, anywhere before `build()`."""

    __slots__ = ()

    @property
    def next(self) -> Signal:
        return self.module.signal(self.value.op.operands[0])

    @next.setter
    def next(self, source: Signal | int) -> None:
        self.module.drive(self, source)


class Wire(Signal):
    """A wire that is used before its driver is known, as around a handshake."""

    __slots__ = ()

    def drive(self, source: Signal | int) -> None:
        self.module.drive(self, source)


class Outputs(dict[str, Signal]):
    """The outputs of an instance, as attributes or by key."""

    __getattr__ = dict.__getitem__


class Module:
    """One hw.module under construction.

    Args:
        name: the Verilog module's name.
        doc: one or more lines for the header comment of the printed module.
    """

    def __init__(self, name: str, doc: str = ""):
        self.name, self.doc = name, doc
        self.children: dict[str, Module | hw.HWModuleOp | hw.HWModuleExternOp] = {}
        self._block = Block()
        self._ports: list[hw.ModulePort] = []
        self._outputs: list[SSAValue] = []
        self._inputs: dict[str, Signal] = {}
        self._clock: SSAValue | None = None
        self._names: set[str] = set()
        self._undriven: dict[SSAValue, str] = {}
        self._pure: dict[tuple, Signal] = {}
        self._op: hw.HWModuleOp | None = None

    # Ports

    def clock(self, name: str = "clk") -> SSAValue:
        """Declare the clock of all registers; instances get it without being told."""
        if self._clock is not None:
            raise ValueError(f"{self.name}: a second clock, {name!r}")
        self._clock = self._input(name, seq.clock)
        return self._clock

    def input(self, name: str, width: int) -> Signal:
        """Declare an input; the one called `rst` is the reset of all registers that have one."""
        self._inputs[name] = Signal(self, self._input(name, IntegerType(width)))
        return self._inputs[name]

    def output(self, name: str, source: Signal) -> None:
        """Declare an output and its driver."""
        self._port(name, source.value.type, hw.Direction.OUTPUT)
        self._outputs.append(source.value)

    def _input(self, name: str, type_) -> SSAValue:
        self._port(name, type_, hw.Direction.INPUT)
        argument = self._block.insert_arg(type_, len(self._block.args))
        argument.name_hint = self._unique(name)
        return argument

    def _port(self, name: str, type_, direction: hw.Direction) -> None:
        if any(port.port_name.data == name for port in self._ports):
            raise ValueError(f"{self.name}: a second port {name!r}")
        self._ports.append(hw.ModulePort(StringAttr(name), type_, hw.DirectionAttr(direction)))

    # Values

    def const(self, value: int, width: int) -> Signal:
        """A constant; negative values are taken modulo 2**width."""
        if not -(1 << (width - 1)) <= value < 1 << width:
            raise ValueError(f"{self.name}: {value} does not fit {width} bits")
        value &= (1 << width) - 1

        def make() -> Operation:
            op = hw.ConstantOp(value, width, truncate_bits=True)
            op.result.name_hint = f"c{value}_i{width}"
            return op

        return self.pure(("const", value, width), make)

    def wire(self, name: str, source: Signal | int) -> Signal | Wire:
        """Name an expression, so that printed code and waveforms have it.

        Given a width instead of an expression it declares a wire to be driven later.
        """
        if not isinstance(source, Signal):
            # A concatenation of one operand is the identity; its operand comes with drive().
            op = comb.ConcatOp.create(
                operands=[self.const(0, source).value], result_types=[IntegerType(source)]
            )
            self._block.add_op(op)
            wire = Wire(self, self._named(op.results[0], name))
            self._undriven[wire.value] = name
            return wire
        value = source.value
        if not isinstance(value, OpResult) or netlist.name_of(value) is not None:
            value = comb.ConcatOp([value], value.type).result
            self._block.add_op(value.op)
        return Signal(self, self._named(value, name))

    def reg(
        self,
        name: str,
        width: int,
        reset: int | None = None,
        next: Signal | int | None = None,
        enable: Signal | None = None,
        keep: bool = False,
    ) -> Register:
        """Declare a register, driven here by `next` or later by assigning to `.next`.

        Args:
            reset: value under the synchronous reset `rst`; None for a register without reset.
            enable: with `next`, keep the old value where it is 0.
            keep: it is one of several copies that share a load; they must not become one again.
        """
        if self._clock is None:
            raise ValueError(f"{self.name}: register {name!r} needs m.clock() first")
        reset_operands = None
        if reset is not None:
            if "rst" not in self._inputs:
                raise ValueError(f"{self.name}: register {name!r} needs an input 'rst' first")
            reset_operands = (self._inputs["rst"].value, self.const(reset, width).value)
        op = seq.CompRegOp(self.const(0, width).value, self._clock, reset_operands)
        if keep:
            op.attributes[netlist.KEEP_ATTR] = UnitAttr()
        self._block.add_op(op)
        register = Register(self, self._named(op.data, name))
        self._undriven[register.value] = name
        if next is not None:
            new = as_signal(self, next, width)
            if enable is not None:
                new = mux(enable, new, register)
            register.next = new
        return register

    def pipe(
        self,
        name: str,
        source: Signal,
        reset: int | None = None,
        enable: Signal | None = None,
        keep: bool = False,
    ) -> Register:
        """A register that follows a signal one clock later."""
        return self.reg(name, source.width, reset=reset, next=source, enable=enable, keep=keep)

    def drive(self, target: Signal, source: Signal | int) -> None:
        """Connect the driver of a register or a declared wire."""
        name = self._undriven.pop(target.value, None)
        if name is None:
            raise ValueError(f"{self.name}: {target} is driven twice")
        source = as_signal(self, source, target.width)
        if source.width != target.width:
            raise ValueError(
                f"{self.name}: {source} has {source.width} bits, {name!r} has {target.width}"
            )
        target.value.op.operands[0] = source.value

    def signal(self, value: SSAValue) -> Signal:
        return Signal(self, value)

    # Instances

    def instance(
        self,
        name: str,
        module: Module | hw.HWModuleOp | hw.HWModuleExternOp,
        **inputs: Signal | SSAValue | int,
    ) -> Outputs:
        """Instantiate a module; returns its outputs.  A clock not given is this module's."""
        target = module.build() if isinstance(module, Module) else module
        if name in self._names:
            raise ValueError(f"{self.name}: a second instance {name!r}")
        self._names.add(name)
        symbol = target.sym_name.data
        if self.children.setdefault(symbol, module) is not module and not (
            isinstance(module, hw.HWModuleExternOp)
            and self.children[symbol].is_structurally_equivalent(module)
        ):
            raise ValueError(f"{self.name}: two different modules are called {symbol!r}")
        operands = []
        for port, type_ in netlist.ports(target, hw.Direction.INPUT):
            if isinstance(type_, seq.ClockType) and port not in inputs:
                if self._clock is None:
                    raise ValueError(f"{self.name}: instance {name!r} needs m.clock() first")
                operands.append((port, self._clock))
                continue
            if port not in inputs:
                raise ValueError(f"{self.name}: instance {name!r} lacks input {port!r}")
            source = inputs.pop(port)
            if not isinstance(source, SSAValue):
                source = as_signal(self, source, netlist.width_of(type_)).value
            if source.type != type_:
                raise ValueError(
                    f"{self.name}: input {port!r} of instance {name!r} has type {type_}, "
                    f"given {source.type}"
                )
            operands.append((port, source))
        if inputs:
            raise ValueError(
                f"{self.name}: instance {name!r} of {symbol!r} has no input {sorted(inputs)}"
            )
        results = netlist.ports(target, hw.Direction.OUTPUT)
        op = hw.InstanceOp(name, FlatSymbolRefAttr(symbol), operands, results)
        self._block.add_op(op)
        outputs = Outputs()
        for (port, _), value in zip(results, op.outputs, strict=True):
            value.name_hint = self._unique(f"{name}_{port}")
            outputs[port] = Signal(self, value)
        return outputs

    # Construction

    def pure(self, key: tuple, make: Callable[[], Operation]) -> Signal:
        """The value of a side-effect-free op, built once per key."""
        found = self._pure.get(key)
        if found is None:
            op = make()
            self._block.add_op(op)
            found = self._pure[key] = Signal(self, op.results[0])
        return found

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self._names:
            count += 1
            unique = f"{name}_{count}"
        self._names.add(unique)
        return unique

    def _named(self, value: OpResult, name: str) -> OpResult:
        netlist.set_name(value, self._unique(name))
        return value

    def build(self) -> hw.HWModuleOp:
        """Finish the module: check that all is driven, drop what is unused, find loops."""
        if self._op is None:
            if self._undriven:
                raise ValueError(f"{self.name}: never driven: {sorted(self._undriven.values())}")
            self._block.add_op(hw.OutputOp(self._outputs))
            self._op = hw.HWModuleOp(
                StringAttr(self.name),
                hw.ModuleType(ArrayAttr(self._ports)),
                Region(self._block),
            )
            if self.doc:
                self._op.attributes["comment"] = StringAttr(self.doc)
            netlist.erase_dead(self._op)
            netlist.combinational_order(self._op)
        return self._op


def design(top: Module) -> ModuleOp:
    """The builtin.module with `top` first and every module below it once."""
    found: dict[str, Operation] = {}

    def visit(module: Module | hw.HWModuleOp | hw.HWModuleExternOp) -> None:
        op = module.build() if isinstance(module, Module) else module
        known = found.get(op.sym_name.data)
        if known is None:
            found[op.sym_name.data] = op
        elif known is not op and not known.is_structurally_equivalent(op):
            raise ValueError(f"two different modules are called {op.sym_name.data!r}")
        if known is None and isinstance(module, Module):
            for child in module.children.values():
                visit(child)

    visit(top)
    return ModuleOp([op.clone() if op.parent else op for op in found.values()])
