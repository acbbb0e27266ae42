"""Which float values of the onnx dialect can be shown to be never negative."""

from xdsl.ir import SSAValue

from snnir.dialects import onnx

_TRANSPARENT = (
    onnx.MaxPoolOp,
    onnx.AveragePoolOp,
    onnx.GlobalAveragePoolOp,
    onnx.ReduceMeanOp,
    onnx.FlattenOp,
    onnx.ReshapeOp,
    onnx.SqueezeOp,
    onnx.UnsqueezeOp,
    onnx.TransposeOp,
    onnx.IdentityOp,
    onnx.DropoutOp,
    onnx.DelayOp,
)


def is_nonnegative(value: SSAValue) -> bool:
    """True only where every element is >= 0 whatever the network's input is."""
    match value.owner:
        case onnx.ReluOp() | onnx.SoftmaxOp() | onnx.NeuronsOp() | onnx.QuantOp():
            return True
        case onnx.RecurrentOp() | onnx.LevelsOp():
            return True
        case onnx.ClipOp(params=params, x=x):
            low = params.get("min")
            if low is not None and low >= 0:
                return True
            return params.get("max", 0.0) >= 0 and is_nonnegative(x)
        case onnx.PadOp(params=params, x=x):
            return params["value"] >= 0 and is_nonnegative(x)
        case onnx.AddOp() | onnx.MulOp() | onnx.SumOp() as op:
            return all(is_nonnegative(operand) for operand in set(op.operands))
        case onnx.ConstantOp(result=result):
            array = onnx.constant_of(result)
            return array is not None and bool((array >= 0).all())
        case op if isinstance(op, _TRANSPARENT):
            return is_nonnegative(op.x)
        case _:
            return False
