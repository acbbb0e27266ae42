"""What each shipped neuron's datapath takes on the XC7Z020: a row of docs/neurons.md each.

    python tools/neuron_cost.py [NAME ...]

The neuron fires in all layers of examples/digits.onnx (T = 4), or reads out the last one; their
widths are those of the pipeline. One lane of the drain has one such pipeline; it is synthesised
alone, without DSPs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from snnir.analysis.network import LayerOp, layers, neuron_of, schedule
from snnir.backends.verilog import verilog_files
from snnir.dialects.pe_types import ArrayParameters
from snnir.frontend.onnx import import_model
from snnir.hardware.language.builder import design
from snnir.hardware.neuron import pipeline_module
from snnir.hardware.timing import neuron_stages
from snnir.neurons.library import shipped
from snnir.pipeline.run import run_pipeline
from snnir.runtime import yosys
from snnir.schedule.program import Mode

EXAMPLES = Path(__file__).parent.parent / "examples"
STEPS = 4
PIPELINE = (
    "simplify-onnx,fold-batchnorm,convert-onnx-to-snn{{{neuron} timesteps={steps} "
    "input-scale=0.0625}},threshold-balance{{calibration={data}}},quantise{{calibration={data}}}"
)


def firing_layers(name: str, steps: int = STEPS) -> list[LayerOp]:
    """The layers that fire, where all of them have that neuron; those that are read out by it."""
    is_readout = name.startswith("readout")
    coding = "coding=radix" if name.endswith("radix") else "coding=rate"
    neuron = f"{coding} readout={name}" if is_readout else f"neuron={name}"
    module = import_model(EXAMPLES / "digits.onnx")
    data = EXAMPLES / "digits_calibration.npz"
    run_pipeline(module, PIPELINE.format(neuron=neuron, steps=steps, data=data))
    return list(layers(module))[-1:] if is_readout else list(layers(module))[:-1]


def mode_of(name: str, layer: LayerOp) -> Mode:
    """What its datapath does, by a name for its neuron."""
    how = schedule(layer)
    return Mode(
        name, how["coding"], how["steps_in"], how["steps_out"], how["fraction"], how["rate"]
    )


def row(name: str) -> str:
    """The row of one neuron."""
    layer = firing_layers(name)[-1]
    neuron, mode = neuron_of(layer), mode_of(name, layer)
    bits = layer.membrane_bits.value.data
    array = ArrayParameters(
        2, 2, planes=STEPS, weight_bits=8, acc_bits=layer.acc_bits.value.data, membrane_bits=bits
    )
    pipeline = pipeline_module("neuron", neuron, mode, array, [mode.fraction])
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for file, text in verilog_files(design(pipeline)).items():
            files.append(Path(folder) / file)
            files[-1].write_text(text)
        cells = yosys.synth_xilinx(files, "neuron", Path(folder) / "yosys")
    stages = neuron_stages(mode, neuron)
    states = len(neuron.state_names)
    return f"| `{name}` | {states} | {bits} | {stages} | {cells['lut']:,} | {cells['ff']:,} |"


if __name__ == "__main__":
    for each in sys.argv[1:] or shipped():
        print(row(each), flush=True)
