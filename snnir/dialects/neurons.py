"""The neurons that come with the compiler, as `snn.neuron` definitions.

Each is a few integer operations in four regions; the numpy interpreter, the C printer and the
hardware generator read the regions and know no neuron by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Block, Region, SSAValue

from snnir.dialects.snn import NeuronOp, YieldOp

LEAK_BITS = 5
"""A neuron with leak k loses k / 32 of its membrane at each step."""


SMALL_LEAK = 4
"""Up to here the product with the leak is narrow. Above, what is kept is multiplied instead: ranges
do not know that what is lost has the sign of the membrane, and would grow with every step."""


def _define(
    name: str,
    emission: str,
    params: Sequence[str],
    roles: dict[str, Callable[..., Sequence[SSAValue]]],
) -> NeuronOp:
    """A neuron with one state `v`; each role is a function from block arguments to yields."""
    arguments = {
        "start": tuple(params),
        "integrate": ("v", "i", *params),
        "settle": ("v", *params),
        "fire": ("v", *params, "left"),
    }
    regions = []
    for role, names in arguments.items():
        block = Block(arg_types=[i64] * len(names))
        for argument, hint in zip(block.args, names, strict=True):
            argument.name_hint = hint
        with ImplicitBuilder(block):
            YieldOp(*roles[role](*block.args))
        regions.append(Region(block))
    return NeuronOp.build(
        properties={
            "sym_name": StringAttr(name),
            "emission": StringAttr(emission),
            "states": ArrayAttr([StringAttr("v")]),
            "parameters": ArrayAttr([StringAttr(p) for p in params]),
        },
        regions=regions,
    )


def _constant(value: int) -> SSAValue:
    return arith.ConstantOp(IntegerAttr(value, i64)).result


def _add(a: SSAValue, b: SSAValue) -> SSAValue:
    return arith.AddiOp(a, b).result


def _half(a: SSAValue) -> SSAValue:
    return arith.ShRSIOp(a, _constant(1)).result


def _double(a: SSAValue) -> SSAValue:
    return arith.ShLIOp(a, _constant(1)).result


def _fire_subtract(v: SSAValue, theta: SSAValue, compare: str) -> tuple[SSAValue, SSAValue]:
    spike = arith.CmpiOp(v, theta, compare).result
    spike.name_hint = "spike"
    rest = arith.SubiOp(v, theta).result
    return arith.SelectOp(spike, rest, v).result, spike


def _leaked(v: SSAValue, leak: int) -> SSAValue:
    """v - floor(v * leak / 32), in the form that asks for fewer bits."""
    whole = 1 << LEAK_BITS
    if leak <= SMALL_LEAK:
        lost = arith.ShRSIOp(arith.MuliOp(v, _constant(leak)).result, _constant(LEAK_BITS))
        return arith.SubiOp(v, lost.result).result
    kept = arith.MuliOp(v, _constant(whole - leak)).result
    return arith.ShRSIOp(_add(kept, _constant(whole - 1)), _constant(LEAK_BITS)).result


def radix_neuron(name: str = "radix") -> NeuronOp:
    """Radix coding: Horner over the input's bit planes, then compare and subtract, MSB first.

    v = 2 v + I for each plane; v += bias + theta / 2; for k = T-1..0: spike if v >= theta 2^k,
    and then v -= theta 2^k. The result is round(v / theta) clipped to 0..2^T - 1, exactly.

    Source: E3NE (Gerlinghoff et al., IEEE TPDS 2022), where the coding is called radix encoding.
    """
    return _define(
        name,
        "after",
        ("theta", "bias"),
        {
            "start": lambda theta, bias: (_constant(0),),
            "integrate": lambda v, i, theta, bias: (_add(_double(v), i),),
            "settle": lambda v, theta, bias: (_add(_add(v, bias), _half(theta)),),
            "fire": lambda v, theta, bias, left: _fire_subtract(
                v, arith.ShLIOp(theta, left).result, "sge"
            ),
        },
    )


def rate_neuron(
    name: str = "integrate_and_fire",
    *,
    reset: str = "soft",
    compare: str = "ge",
    emission: str = "causal",
    leak: int = 0,
) -> NeuronOp:
    """Rate coding: integrate and fire, once per step or after the whole train.

    The membrane starts at theta / 2, which centres the rounding error (Bu et al., ICLR 2022). The
    bias enters at every step. A `soft` reset subtracts theta, a `hard` one sets v to 0; `compare`
    is `ge` (spike when v >= theta) or `gt`. Before each current `leak` 32ths of the membrane are
    lost, rounded down.

    Raises:
        ValueError: hard reset with integrate-then-fire, which would fire once and stay silent.

    Source: Rueckauer et al., Frontiers in Neuroscience 2017 (soft reset, conversion).
    """
    if emission == "after" and reset == "hard":
        raise ValueError("integrate-then-fire needs the soft reset")

    def integrate(v, i, theta, bias):
        if leak:
            v = _leaked(v, leak)
        return (_add(_add(v, i), bias),)

    def fire(v, theta, bias, left):
        if reset == "soft":
            return _fire_subtract(v, theta, f"s{compare}")
        spike = arith.CmpiOp(v, theta, f"s{compare}").result
        spike.name_hint = "spike"
        return arith.SelectOp(spike, _constant(0), v).result, spike

    return _define(
        name,
        emission,
        ("theta", "bias"),
        {
            "start": lambda theta, bias: (_half(theta),),
            "integrate": integrate,
            "settle": lambda v, theta, bias: (v,),
            "fire": fire,
        },
    )


def readout_neuron(name: str, *, radix: bool) -> NeuronOp:
    """The last layer's membrane: integrates and never fires; `bias` once (radix) or per step."""

    def silent(v, bias, left):
        return v, arith.ConstantOp(IntegerAttr(0, 1)).result

    if radix:
        roles = {
            "integrate": lambda v, i, bias: (_add(_double(v), i),),
            "settle": lambda v, bias: (_add(v, bias),),
        }
    else:
        roles = {
            "integrate": lambda v, i, bias: (_add(_add(v, i), bias),),
            "settle": lambda v, bias: (v,),
        }
    return _define(
        name, "none", ("bias",), {"start": lambda bias: (_constant(0),), "fire": silent, **roles}
    )


@dataclass(frozen=True)
class NeuronChoice:
    """What is chosen about the neurons of a network: coding, emission, reset, comparison, leak."""

    coding: str = "radix"
    emission: str = field(default="causal")
    reset: str = "soft"
    compare: str = "ge"
    leak: int = 0

    @property
    def fire_name(self) -> str:
        if self.coding == "radix":
            return "radix"
        when = "integrate_then_fire" if self.emission == "after" else "integrate_and_fire"
        leak = f"_leak{self.leak}" if self.leak else ""
        return f"{when}_{self.reset}_{self.compare}{leak}"

    @property
    def readout_name(self) -> str:
        return f"readout_{self.coding}"

    def fire_neuron(self) -> NeuronOp:
        if self.coding == "radix":
            return radix_neuron(self.fire_name)
        return rate_neuron(
            self.fire_name,
            reset=self.reset,
            compare=self.compare,
            emission=self.emission,
            leak=self.leak,
        )

    def readout_neuron(self) -> NeuronOp:
        return readout_neuron(self.readout_name, radix=self.coding == "radix")
