"""`snn-opt`: passes and IR."""

from pathlib import Path

from bad_input.cases import case
from bad_input.files import with_digits


@case(
    "misspelt pass", "model.onnx -p fold-batchnrm",
    "fold-batchnrm", "did you mean 'fold-batchnorm'?", tool="snn-opt",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "passes in the wrong order", "model.onnx -p quantise",
    "pass 'quantise'", "convert", tool="snn-opt",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "syntax error in IR", "broken.mlir -p fold-batchnorm",
    "broken.mlir:3:1:", "Expected", tool="snn-opt", quotes=True)  # fmt: skip
def _() -> None:
    Path("broken.mlir").write_text("builtin.module {\n  %0 = onnx.Relu\n}\n")
