"""A user's choice of neuron: its name or file, its options, and what its parameters are worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    def read(cls, source: str, values: str | None = None, *, readout: bool = False) -> OwnNeuron:
        """The neuron `source`, a name or a file.

        Args:
            readout: whether it is for the last layer, where it never fires.
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
        _check_computed(neuron, given)
        if neuron.op.emission.data == "none" and not readout:
            raise UserError(
                f"neuron @{neuron.op.sym_name.data} never fires", where=source,
                hint="only the last layer is read out like that",
            )  # fmt: skip
        return cls(source, neuron, given)

    @property
    def names(self) -> list[str]:
        """The parameters and options that may be given."""
        parameters = [n for n in self.op.param_names if n not in ("theta", "bias")]
        return [*parameters, *self.neuron.options]

    @property
    def op(self) -> NeuronOp:
        return self.neuron.op

    @property
    def is_readout(self) -> bool:
        """Whether it never fires."""
        return self.op.emission.data == "none"

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


@dataclass(frozen=True)
class OwnNeurons:
    """The neurons of a network: one of single layers, and one of all others.

    Args:
        others: of the layers that none is named for; None where the user gives them none.
    """

    others: OwnNeuron | None = None
    layers: dict[str, OwnNeuron] = field(default_factory=dict)

    @classmethod
    def read(cls, given: tuple[str, ...] | str | None, values: str | None = None) -> OwnNeurons:
        """What `lif` and `conv1=alif` mean, each a name or a file.

        Args:
            values: as of `OwnNeuron.read`; each goes to all neurons that have such a parameter or
                option, with a layer's name to that layer's.

        Raises:
            UserError: there is no such neuron, or a layer has two; values of no neuron.
        """
        sources: dict[str, str] = {}
        for entry in (given,) if isinstance(given, str) else given or ():
            layer, _, source = entry.strip().rpartition("=")
            if not source or ("=" in entry and not layer):
                raise UserError(f"neuron has '{entry}'", hint="write NAME, FILE or LAYER=NAME")
            if layer in sources:
                of = f"layer '{layer}'" if layer else "the layers without one of their own"
                raise UserError(f"neuron gives {of} both {sources[layer]} and {source}")
            sources[layer] = source
        if values is not None and not sources:
            raise UserError("neuron-values are those of a neuron", hint="give neuron as well")
        plain = {source: OwnNeuron.read(source) for source in sources.values()}
        _check_names(plain)
        own = _by_source(sources, plain, values or "")
        found = {source: OwnNeuron.read(source, ",".join(own[source])) for source in plain}
        layers = {layer: found[source] for layer, source in sources.items() if layer}
        return cls(found.get(sources.get("", "")), layers)

    def __bool__(self) -> bool:
        return self.others is not None or bool(self.layers)

    def __iter__(self) -> Iterator[OwnNeuron]:
        if self.others is not None:
            yield self.others
        yield from self.layers.values()

    def coding(self, asked: str | None) -> str:
        """Which trains all neurons make: radix unless one says otherwise.

        Raises:
            UserError: one of them does not make those that are `asked` for, or that others make.
        """
        for own in self:
            if own.coding is not None and asked not in (None, own.coding):
                raise UserError(
                    f"neuron @{own.op.sym_name.data} makes {own.coding} trains, not {asked}",
                    where=own.source,
                )
            asked = asked or own.coding
        return asked or "radix"

    def check_layers(self, labels: Iterable[str]) -> None:
        """Refuse neurons and values for layers that the network does not have."""
        labels = list(labels)
        for layer in self.layers:
            if layer not in labels:
                raise UserError(
                    f"neuron: no layer '{layer}' fires",
                    hint=f"the layers that do are {', '.join(labels)}",
                )
        for own in self:
            own.check_layers(labels)


def _check_names(neurons: Mapping[str, OwnNeuron]) -> None:
    """Refuse two neurons of one name: the program knows them by their names."""
    seen: dict[str, str] = {}
    for source, own in neurons.items():
        name = own.op.sym_name.data
        if name in seen:
            raise UserError(
                f"neuron @{name} is in {seen[name]} and in {source}", hint="give one another name"
            )
        seen[name] = source


def _by_source(
    sources: Mapping[str, str], neurons: Mapping[str, OwnNeuron], values: str
) -> dict[str, list[str]]:
    """The entries of neuron-values that each neuron takes."""
    found: dict[str, list[str]] = {source: [] for source in neurons}
    for entry in filter(None, values.split(",")):
        layer, _, name = entry.partition("=")[0].strip().rpartition(".")
        if layer:
            source = sources.get(layer, sources.get(""))
            if source is None:
                raise UserError(
                    f"{OPTION}: layer '{layer}' has no neuron with a '{name}'",
                    hint=f"its neuron is the default one; give neuron {layer}=NAME as well",
                )
            takers = [source]
        else:
            takers = [source for source, own in neurons.items() if name in own.names]
        # What nobody takes is refused by the first one, with the names that it has.
        for source in takers or list(neurons)[:1]:
            found[source].append(entry)
    return found


def _check_computed(neuron: Neuron, given: Mapping[tuple[str, str], tuple[int, ...]]) -> None:
    """Refuse a value from which the file computes another, which would stay what it was."""
    for layer, name in given:
        for other, names in neuron.computed.items():
            kept = (layer, other) not in given and ("", other) not in given
            if name in names and kept:
                raise UserError(
                    f"{OPTION}: '{other}' is computed from '{name}' and keeps its value",
                    hint=f"give '{other}' as well",
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
