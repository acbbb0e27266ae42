"""Which neuron a network is made of: one of the shipped files, or one that a user wrote.

What the neurons are is written in `snnir/neurons/*.neuron`; the numpy interpreter, the C printer
and the hardware generator read their regions and know no neuron by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import StringAttr

from snnir.dialects.snn import NeuronOp
from snnir.neurons.library import load_neuron

if TYPE_CHECKING:
    from snnir.neurons.own import OwnNeuron

LEAK_BITS = 5
"""A neuron with leak k loses k / 32 of its membrane at each step."""


def _named(name: str, file: str, **options: str) -> NeuronOp:
    neuron = load_neuron(file, options).op
    neuron.sym_name = StringAttr(name)
    return neuron


def radix_neuron(name: str = "radix") -> NeuronOp:
    """Radix coding: Horner over the input's bit planes, then compare and subtract, MSB first."""
    return _named(name, "radix")


def rate_neuron(
    name: str = "integrate_and_fire",
    *,
    reset: str = "soft",
    compare: str = "ge",
    emission: str = "causal",
    leak: int = 0,
    ahead: int = 0,
    margin: int = 0,
) -> NeuronOp:
    """Rate coding: integrate and fire, once per step or after the whole train.

    A `soft` reset subtracts theta, a `hard` one sets v to 0; `compare` is `ge` (spike when
    v >= theta) or `gt`. Before each current `leak` 32ths of the membrane are lost, rounded down.
    With `ahead` it fires so many steps later than it integrates, and with `margin` only if v is so
    many quarters of theta above it, until all currents are there; with the soft reset and `ge`.

    Raises:
        ValueError: hard reset with integrate-then-fire, which would fire once and stay silent.
    """
    if emission == "after" and reset == "hard":
        raise ValueError("integrate-then-fire needs the soft reset")
    if ahead or margin:
        return _named(name, "ahead", ahead=str(ahead), margin=str(margin))
    options = {"reset": reset, "compare": compare}
    if leak:
        return _named(name, "lif", leak=str(leak), **options)
    when = "at_the_end" if emission == "after" else "each_step"
    return _named(name, "if", when_to_fire=when, **options)


def readout_neuron(name: str, *, radix: bool) -> NeuronOp:
    """The last layer's membrane: integrates and never fires; `bias` once (radix) or per step."""
    return _named(name, "readout_radix" if radix else "readout_rate")


@dataclass(frozen=True)
class NeuronChoice:
    """What is chosen about the neurons of a network: coding, emission, reset, comparison, leak.

    Args:
        ahead: steps that are integrated before the one whose spike is decided; without a leak.
        margin: quarters of theta that v must be above it while currents are still to come.
        own: a neuron that fires instead of the one that the others describe.
    """

    coding: str = "radix"
    emission: str = field(default="causal")
    reset: str = "soft"
    compare: str = "ge"
    leak: int = 0
    ahead: int = 0
    margin: int = 0
    own: OwnNeuron | None = None

    @property
    def fire_name(self) -> str:
        if self.own is not None:
            return self.own.op.sym_name.data
        if self.coding == "radix":
            return "radix"
        if self.ahead or self.margin:
            sure = f"_margin{self.margin}" if self.margin else ""
            return f"integrate_{self.ahead}_ahead{sure}"
        when = "integrate_then_fire" if self.emission == "after" else "integrate_and_fire"
        leak = f"_leak{self.leak}" if self.leak else ""
        return f"{when}_{self.reset}_{self.compare}{leak}"

    @property
    def readout_name(self) -> str:
        if self.own is not None and self.own.is_readout:
            return self.own.op.sym_name.data
        return f"readout_{self.coding}"

    def fire_neuron(self) -> NeuronOp:
        if self.own is not None:
            return self.own.op.clone()
        if self.coding == "radix":
            return radix_neuron(self.fire_name)
        return rate_neuron(
            self.fire_name,
            reset=self.reset,
            compare=self.compare,
            emission=self.emission,
            leak=self.leak,
            ahead=self.ahead,
            margin=self.margin,
        )

    def readout_neuron(self) -> NeuronOp:
        if self.own is not None and self.own.is_readout:
            return self.own.op.clone()
        return readout_neuron(self.readout_name, radix=self.coding == "radix")
