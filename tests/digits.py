"""The shipped network of digits, taken through passes, for tests."""

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from snnir.frontend.onnx import import_model
from snnir.pipeline.run import run_pipeline

EXAMPLES = Path(__file__).parent.parent / "examples"
MODEL = EXAMPLES / "digits.onnx"
CALIBRATION = EXAMPLES / "digits_calibration.npz"


def balanced(convert: str = "", samples: int | None = None) -> ModuleOp:
    """The network with thresholds; `convert` are options of convert-onnx-to-snn."""
    module = import_model(str(MODEL))
    some = f" samples={samples}" if samples else ""
    run_pipeline(
        module,
        f"simplify-onnx,fold-batchnorm,convert-onnx-to-snn{{{convert} input-scale=0.0625}},"
        f"threshold-balance{{calibration={CALIBRATION}{some}}}",
    )
    return module


def quantised(module: ModuleOp, options: str) -> ModuleOp:
    """A copy of a balanced network, with integers."""
    module = module.clone()
    run_pipeline(module, f"quantise{{{options}}},verify-snn-integer")
    return module
