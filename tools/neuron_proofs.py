"""How long the proof of each shipped neuron's datapath takes: a row of docs/proofs.md each.

    python tools/neuron_proofs.py [--timesteps T] [--first] [NAME ...]

The neuron fires in all layers of examples/digits.onnx (T = 4, 8-bit weights); what is proved is the
last layer that fires, or with --first the first one, which sees the image. Times are of one
processor.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser

from neuron_cost import STEPS, firing_layers, mode_of

from snnir.analysis.network import neuron_of, schedule
from snnir.analysis.ranges import current_range
from snnir.dialects.dense import from_dense
from snnir.dialects.pe_types import ArrayParameters
from snnir.hardware.language.builder import design
from snnir.hardware.neuron import neuron_module
from snnir.hardware.timing import fire_stages
from snnir.neurons.library import shipped
from snnir.proof.datapath import prove_datapath
from snnir.proof.program import unit_design
from snnir.proof.ranges import Channels
from snnir.proof.unit import Unit


def row(name: str, steps: int, first: bool) -> str:
    """The row of one neuron."""
    layer = firing_layers(name, steps)[0 if first else -1]
    neuron, mode = neuron_of(layer), mode_of(name, layer)
    bits, acc_bits = layer.membrane_bits.value.data, layer.acc_bits.value.data
    array = ArrayParameters(
        2,
        2,
        planes=max(mode.planes, mode.steps),
        weight_bits=8,
        acc_bits=acc_bits,
        membrane_bits=bits,
    )
    made = design(neuron_module([mode], {name: neuron}, neuron.param_names, array))
    clocks = fire_stages((mode,), {name: neuron})
    unit = Unit(unit_design(made), {}, clocks, array.planes, acc_bits, bits)
    params = {key: from_dense(dense) for key, dense in layer.params.data.items()}
    channels = Channels(
        layer.label.data, params, current_range(layer.current.owner), schedule(layer)
    )
    start = time.process_time()
    proof = prove_datapath(neuron, mode, [channels], unit, limit=600)
    seconds = time.process_time() - start
    cells = (f"`{name}`", bits, clocks, proof.terms, proof.cuts, sum(proof.questions),
             proof.groups, f"{seconds:.1f} s", proof.answer)  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--timesteps", type=int, default=STEPS)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    print("| neuron | bits | clocks | values | equal | questions | groups | time | answer |")
    print("|---|---|---|---|---|---|---|---|---|")
    for each in args.names or [name for name in shipped() if "readout" not in name]:
        print(row(each, args.timesteps, args.first), flush=True)
