"""verify-onnx-convertible: the contract between graph simplification and conversion."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from snnir.errors import UserError


@dataclass(frozen=True)
class VerifyOnnxConvertiblePass(ModulePass):
    """Stop with the first reason for which convert-onnx-to-snn would not take the network.

    What: after this pass every op is one of

    - Conv (2D) and Gemm (`x @ w.T + b`) with constant weights, at the network's input or behind
      values that are never negative, because spikes carry them;
    - Relu, or Clip from 0 to a positive maximum;
    - MaxPool and AveragePool (2D, not dilated) of values that are never negative, Flatten;
    - Add of two computed tensors of the same shape;
    - Softmax or LogSoftmax as the last op.

    Why: the conversion may then assume these forms, and a user hears which node of the model is
    at fault and what to do, before anything is trained or quantised.

    Algorithm: `snnir.analysis.convertible.find_problems`, one look at each op and its operands.

    Assumptions: simplify-onnx and fold-batchnorm have run.

    Raises:
        UserError: for the first problem, with the number of the others.
    """

    name = "verify-onnx-convertible"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        from snnir.analysis.convertible import find_problems
        from snnir.dialects.location import place

        for network in op.walk():
            if not isinstance(network, func.FuncOp) or network.is_declaration:
                continue
            problems = find_problems(network)
            if not problems:
                continue
            first, others = problems[0], len(problems) - 1
            more = f" (and {others} more problem{'s' * (others > 1)})" if others else ""
            raise UserError(first.text + more, where=place(first.op), hint=first.hint)
