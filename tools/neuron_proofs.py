"""How long the proof of each shipped neuron's datapath takes: a row of docs/proofs.md each.

    python tools/neuron_proofs.py [NAME ...]

The neuron fires in all layers of examples/digits.onnx (T = 4, 8-bit weights); what is proved is the
last layer that fires. Times are of one processor.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from snnir.analysis.network import layers, neuron_of, schedule
from snnir.analysis.program import Mode
from snnir.analysis.ranges import current_range
from snnir.dialects.dense import from_dense
from snnir.dialects.pe_types import ArrayParameters
from snnir.frontend.onnx import import_model
from snnir.hardware.builder import design
from snnir.hardware.neuron import neuron_module
from snnir.hardware.timing import fire_stages
from snnir.neurons.library import shipped
from snnir.proof.datapath import Unit, prove_datapath
from snnir.proof.program import unit_design
from snnir.proof.ranges import Channels
from snnir.tools.pipeline import run_pipeline

EXAMPLES = Path(__file__).parent.parent / "examples"
STEPS = 4
PIPELINE = (
    "simplify-onnx,fold-batchnorm,convert-onnx-to-snn{{neuron={name} timesteps={steps} "
    "input-scale=0.0625}},threshold-balance{{calibration={data}}},quantise{{calibration={data}}}"
)


def row(name: str) -> str:
    """The row of one neuron."""
    module = import_model(EXAMPLES / "digits.onnx")
    data = EXAMPLES / "digits_calibration.npz"
    run_pipeline(module, PIPELINE.format(name=name, steps=STEPS, data=data))
    layer = list(layers(module))[-2]
    neuron, how = neuron_of(layer), schedule(layer)
    bits, acc_bits = layer.membrane_bits.value.data, layer.acc_bits.value.data
    mode = Mode(
        name, how["coding"], how["steps_in"], how["steps_out"], how["fraction"], how["rate"]
    )
    array = ArrayParameters(
        2, 2, planes=STEPS, weight_bits=8, acc_bits=acc_bits, membrane_bits=bits
    )
    made = design(neuron_module([mode], {name: neuron}, neuron.param_names, array))
    clocks = fire_stages((mode,), {name: neuron})
    unit = Unit(unit_design(made), {}, clocks, STEPS, acc_bits, bits)
    params = {key: from_dense(dense) for key, dense in layer.params.data.items()}
    channels = Channels(layer.label.data, params, current_range(layer.current.owner), how)
    start = time.process_time()
    proof = prove_datapath(neuron, mode, [channels], unit, limit=600)
    seconds = time.process_time() - start
    cells = (f"`{name}`", bits, clocks, proof.terms, proof.cuts, sum(proof.questions),
             proof.groups, f"{seconds:.1f} s", proof.answer)  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    print("| neuron | bits | clocks | values | equal | questions | groups | time | answer |")
    print("|---|---|---|---|---|---|---|---|---|")
    for each in sys.argv[1:] or [name for name in shipped() if "readout" not in name]:
        print(row(each), flush=True)
