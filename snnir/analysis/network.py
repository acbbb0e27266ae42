"""How passes and interpreters see a spiking network: its function, layers, branches and labels."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.traits import SymbolTable

from snnir.dialects.snn import (
    AddOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    MaxSlicesOp,
    NeuronOp,
    PreviousOp,
    ReadoutOp,
    SumPoolOp,
    SynapseOp,
)
from snnir.errors import UserError

LayerOp = FireOp | ReadoutOp
"""The op that ends a layer: everything between two of them is one layer's input side."""


def network_of(module: ModuleOp) -> FuncOp:
    """The one function of the module, which is the network.

    Raises:
        UserError: if there is none, or more than one.
    """
    functions = [op for op in module.ops if isinstance(op, FuncOp)]
    if len(functions) != 1:
        raise UserError(f"the module has {len(functions)} functions, a network is exactly one")
    return functions[0]


def encode_of(module: ModuleOp) -> EncodeOp:
    """Where the image enters.

    Raises:
        UserError: if the module is no spiking network yet.
    """
    for op in network_of(module).body.block.ops:
        if isinstance(op, EncodeOp):
            return op
    raise UserError("no snn.encode: the network is not converted", hint="run convert-onnx-to-snn")


def layers(module: ModuleOp) -> Iterator[LayerOp]:
    """Fires and the readout, in the order in which they run."""
    for op in network_of(module).body.block.ops:
        if isinstance(op, FireOp | ReadoutOp):
            yield op


def branches(layer: LayerOp) -> list[SynapseOp]:
    """The synapses whose currents meet at this layer's neurons."""
    found: list[SynapseOp] = []

    def collect(value: SSAValue) -> None:
        op = value.owner
        if isinstance(op, AddOp):
            for current in op.currents:
                collect(current)
        elif isinstance(op, SynapseOp):
            found.append(op)
        else:
            raise UserError("a current comes from no synapse", where=layer.label.data)

    collect(layer.current)
    return found


def fired_before(op: PreviousOp) -> FireOp:
    """The layer whose trains of the window before these are.

    Raises:
        UserError: there is none of that name.
    """
    if op.layer is None:
        raise UserError(f"there is no layer '{op.of.data}' whose spikes could come again")
    return op.layer


def producer(value: SSAValue) -> FireOp | EncodeOp:
    """The layer or the encoder whose trains these are, seen through pools."""
    op = value.owner
    while isinstance(op, MaxPoolOp | MaxSlicesOp | SumPoolOp):
        op = op.source.owner
    if isinstance(op, PreviousOp):
        return fired_before(op)
    if not isinstance(op, FireOp | EncodeOp):
        raise UserError("a synapse's input comes neither from a layer nor from the image")
    return op


def neuron_of(layer: LayerOp) -> NeuronOp:
    """The definition that the layer names.

    Raises:
        UserError: if it names none, or one that the module does not define.
    """
    name = layer.neuron
    found = SymbolTable.lookup_symbol(layer, name) if isinstance(name, SymbolRefAttr) else None
    if not isinstance(found, NeuronOp):
        named = f"@{name.string_value()}" if name else "none"
        raise UserError(f"neuron {named} is not defined in the module", where=layer.label.data)
    return found


def is_rate(layer: LayerOp) -> bool:
    """Whether the layer's neurons count spikes; a readout follows the currents it gets."""
    if isinstance(layer, FireOp):
        return layer.train.type.coding_name == "rate"
    return layer.current.type.coding_name == "rate"


def schedule(layer: LayerOp) -> dict:
    """The keyword arguments by which `run_neuron` and `neuron_ranges` know a layer's steps."""
    current = layer.current.type
    ends = layer.train.type if isinstance(layer, FireOp) else current
    return {
        "coding": current.coding_name,
        "steps_in": current.steps.data,
        "steps_out": ends.steps.data,
        "fraction": layer.fraction.value.data if layer.fraction else 0,
        "rate": is_rate(layer),
    }


def train_labels(module: ModuleOp) -> dict[SSAValue, str]:
    """The name of every train of the network: `input`, `conv1`, `conv1.pool`, ..."""
    names: dict[SSAValue, str] = {}
    for op in network_of(module).body.block.ops:
        if isinstance(op, EncodeOp):
            names[op.train] = "input"
        elif isinstance(op, FireOp):
            names[op.train] = op.label.data
        elif isinstance(op, MaxPoolOp | MaxSlicesOp):
            base = names[op.source] + (".pool" if isinstance(op, MaxPoolOp) else ".slices")
            taken = set(names.values())
            tries = (base if n == 1 else f"{base}{n}" for n in range(1, len(taken) + 2))
            names[op.train] = next(name for name in tries if name not in taken)
    return names
