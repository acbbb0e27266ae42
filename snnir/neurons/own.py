"""A user's choice of neuron: its name or file, its options, and what its parameters are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from xdsl.dialects.builtin import DictionaryAttr

from snnir.dialects.assembly import ints
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.neurons.library import load_neuron
from snnir.neurons.lowering import Neuron

OPTION = "neuron-values"


@dataclass(frozen=True)
class OwnNeuron:
    """A neuron with the values that were given for its parameters.

    Args:
        values: (layer, parameter) -> integers, one or one for each channel; the layer is '' where
            the value is for all layers.
    """

    source: str
    neuron: Neuron
    values: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, source: str, values: str | None = None) -> OwnNeuron:
        """The neuron `source`, a name or a file.

        Args:
            values: `leak=3,conv1.leak=2,conv2.leak=1:2:3:4,reset=hard`: a parameter for all layers,
                for one of them, for each of its channels; an option.

        Raises:
            UserError: there is no such neuron, parameter or option, or a value is none.
        """
        plain = load_neuron(source)
        options, given = {}, {}
        for entry in filter(None, (values or "").split(",")):
            key, equals, text = entry.partition("=")
            key, text = key.strip(), text.strip()
            layer, _, name = key.rpartition(".")
            if not equals or not text:
                raise UserError(
                    f"{OPTION} has '{entry}'", hint="write name=value, joined by commas"
                )
            if name in plain.options and not layer:
                options[name] = text
            elif name in plain.op.param_names and name not in ("theta", "bias"):
                fraction = plain.fractions[name]
                given[layer, name] = tuple(_integer(key, t, fraction) for t in text.split(":"))
            else:
                names = [n for n in plain.op.param_names if n not in ("theta", "bias")]
                known = ", ".join([*names, *plain.options]) or "none"
                raise UserError(
                    f"{OPTION}: neuron @{plain.op.sym_name.data} has no parameter or option "
                    f"'{name}' to be given",
                    hint=f"it has {known}",
                )
        neuron = load_neuron(source, options)
        if neuron.op.emission.data == "none":
            raise UserError(
                f"neuron @{neuron.op.sym_name.data} never fires", where=source,
                hint="only the last layer is read out like that",
            )  # fmt: skip
        return cls(source, neuron, given)

    @property
    def op(self) -> NeuronOp:
        return self.neuron.op

    @property
    def coding(self) -> str | None:
        """Which trains it makes; None if it may be either."""
        if self.op.coding is not None:
            return self.op.coding.data
        return "rate" if self.op.emission.data == "causal" else None

    def settings(self, layer: str, channels: int) -> DictionaryAttr | None:
        """What is given for the parameters of one layer.

        Raises:
            UserError: values for another number of channels.
        """
        found = {name: v for (label, name), v in self.values.items() if label == ""}
        found |= {name: v for (label, name), v in self.values.items() if label == layer}
        for name, values in found.items():
            if len(values) not in (1, channels):
                raise UserError(
                    f"{OPTION}: {len(values)} values for '{name}', "
                    f"the layer has {channels} channels",
                    where=f"layer '{layer}'",
                    hint=f"give 1 or {channels}",
                )
        return DictionaryAttr({n: ints(v) for n, v in found.items()}) if found else None

    def check_layers(self, labels: Iterable[str]) -> None:
        """Refuse values for layers that the network does not have."""
        labels = list(labels)
        for layer, name in self.values:
            if layer and layer not in labels:
                raise UserError(
                    f"{OPTION}: no layer '{layer}' to give '{name}' to",
                    hint=f"its layers are {', '.join(labels)}",
                )


def _integer(key: str, text: str, fraction: int) -> int:
    try:
        value = float(int(text, 0)) if not any(c in text for c in ".e") else float(text)
    except ValueError:
        raise UserError(f"{OPTION}: {key} is '{text}', a number is needed") from None
    scaled = value * 2**fraction
    if not abs(scaled) < 1 << 30:
        raise UserError(f"{OPTION}: {key}={text} does not fit 31 bits")
    if fraction == 0 and scaled != round(scaled):
        raise UserError(
            f"{OPTION}: {key} is {text}, an integer is needed",
            hint="a parameter of type fix.8 takes other numbers",
        )
    return round(scaled)
