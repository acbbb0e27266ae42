"""verify-snn-integer: the contract between quantise and tile-to-pe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from snnir.analysis.intervals import signed_bits
from snnir.analysis.network import (
    LayerOp,
    branches,
    encode_of,
    layers,
    network_of,
    neuron_of,
    schedule,
)
from snnir.analysis.ranges import current_range, neuron_ranges
from snnir.analysis.synapses import offset_current
from snnir.analysis.windows import check_windows, kept_windows
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import ReadoutOp, SynapseOp
from snnir.errors import UserError


@dataclass(frozen=True)
class VerifySnnIntegerPass(ModulePass):
    """Checks what the machine relies on, and changes nothing.

    Each layer must have integer weights within `weight_bits`, all parameters of its neuron, no
    float left over, and the widths that the range analysis proves for it: a width that is too small
    overflows, one that is too large is a mistake as well. Currents have one user. There is one
    encoder, with scale, and one readout. The input is not padded with silence where its zero point
    is not 0. Where a sample has several windows, its neurons can go on in another one.

    Assumptions: the module verifies (shapes and codings are the ops' own business).

    Options: none.
    """

    name = "verify-snn-integer"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        encode = encode_of(op)
        if encode.scale is None:
            raise UserError("the input has no scale", where="snn.encode", hint="run quantise")
        readouts = [x for x in network_of(op).body.block.ops if isinstance(x, ReadoutOp)]
        if len(readouts) != 1:
            raise UserError(f"the network has {len(readouts)} readouts, it needs one")
        zeros = None if encode.zero is None else np.array(encode.zero.get_values())
        names: set[str] = set()
        for layer in layers(op):
            label = layer.label.data
            if label in names or label == "input":
                raise UserError(f"two layers are called '{label}'")
            names.add(label)
            try:
                _check_layer(layer, zeros)
            except UserError as error:
                raise UserError(error.what, where=f"layer '{label}'", hint=error.hint) from error
        check_windows(op)


def _check_layer(layer: LayerOp, zeros: np.ndarray | None) -> None:
    for synapse in branches(layer):
        _check_weights(synapse)
        if len(list(synapse.current.uses)) != 1:
            raise UserError("a current has more than one user")
        if zeros is not None and synapse.source.type.coding_name == "direct":
            offset_current(synapse, zeros)
    neuron = neuron_of(layer)
    emission = neuron.emission.data
    if (emission == "none") != isinstance(layer, ReadoutOp):
        raise UserError(f"neuron @{neuron.sym_name.data} with emission '{emission}' does not fit")
    if layer.params is None or layer.fraction is None:
        raise UserError("the neuron's parameters are missing", hint="run quantise")
    for name in ("bias", "threshold", "ceiling", "settings"):
        if layer.properties.get(name) is not None:
            raise UserError(f"the float {name} is still there", hint="run quantise")
    params = {name: from_dense(dense) for name, dense in layer.params.data.items()}
    if set(params) != set(neuron.param_names):
        raise UserError(f"parameters {sorted(params)} given, {sorted(neuron.param_names)} needed")
    current = current_range(layer.current.owner)
    ranges = neuron_ranges(neuron, params, current, **schedule(layer), windows=kept_windows(layer))
    proven = {
        "acc_bits": signed_bits(int(current[0].min()), int(current[1].max())),
        "membrane_bits": ranges.bits,
    }
    for name, bits in proven.items():
        given = layer.properties.get(name)
        if given is None or given.value.data != bits:
            found = "missing" if given is None else given.value.data
            raise UserError(f"{name} is {found}, the range analysis proves {bits}")
        if bits > 31:
            raise UserError(f"{name} is {bits}, the machine has at most 31")


def _check_weights(synapse: SynapseOp) -> None:
    if synapse.weight_bits is None:
        raise UserError("the weights are floats", hint="run quantise")
    bits = synapse.weight_bits.value.data
    weights = from_dense(synapse.weights)
    needed = signed_bits(int(weights.min()), int(weights.max()))
    if needed > bits:
        raise UserError(f"a weight needs {needed} bits, weight_bits is {bits}")
