"""What to tell the user about an ONNX node that the onnx dialect does not have."""

from __future__ import annotations

import difflib

# Hint -> the operators that it is for.
_HINTS = {
    "a spiking neuron's output is never negative: train with Relu or Clip(0, max) instead": (
        "LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid Tanh HardSwish Swish Mish "
        "Softplus Softsign ThresholdedRelu Erf"
    ),
    "give the float model before quantisation; snnir quantises it itself": (
        "QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul "
        "ConvInteger MatMulInteger Quant BipolarQuant Trunc"
    ),
    "snnir takes feed-forward networks: unroll it into Gemm and Relu, or leave it out": (
        "LSTM GRU RNN Attention"
    ),
    "train with BatchNormalization, which folds into the layer before it": (
        "InstanceNormalization LayerNormalization GroupNormalization LRN LpNormalization "
        "MeanVarianceNormalization RMSNormalization"
    ),
    "export with constant conditions and shapes so that the exporter removes control flow": (
        "If Loop Scan SequenceAt SequenceEmpty SequenceConstruct"
    ),
    "remove it from the model's end: the class is the index of the largest output": (
        "ArgMax TopK Hardmax ZipMap"
    ),
    "only single paths and residual Add are taken: make it one Conv with group, or an Add": (
        "Concat Split Slice Gather"
    ),
    "use Conv, or AveragePool to make maps smaller": "ConvTranspose",
    "use AveragePool or MaxPool": "LpPool GlobalLpPool",
    "use ReduceMean or AveragePool over the spatial dimensions": "ReduceSum",
    "use MaxPool with a kernel over the whole map": "ReduceMax",
    "write Max(x, 0) as Relu": "Max",
    "write Min(Relu(x), c) as Clip(0, c)": "Min",
    "write it as MatMul or Conv": "Einsum",
    "train on the input size that the network gets": "Resize Upsample",
}
ADVICE = {name: hint for hint, names in _HINTS.items() for name in names.split()}


def advise(op_type: str, domain: str, supported: list[str]) -> str:
    """A hint for an unsupported op: its nearest supported form, or what was probably meant."""
    if op_type in ADVICE:
        return ADVICE[op_type]
    if domain in ("", "ai.onnx"):
        begun = [name for name in supported if op_type.lower().startswith(name.lower())]
        if close := begun or difflib.get_close_matches(op_type, supported, n=1, cutoff=0.6):
            return f"did you mean {max(close, key=len)}?"
        return f"supported are {', '.join(sorted(supported))}"
    if domain == "ai.onnx.ml":
        return "classical models are not networks of layers; export the network alone"
    return "export with standard ONNX operators only"


def advise_file(head: bytes) -> str:
    """A hint for a file that is no ONNX model, from its first bytes."""
    if head.startswith(b"PK"):
        return "it is a zip archive, perhaps a PyTorch checkpoint: use torch.onnx.export"
    if head.startswith(b"\x89HDF"):
        return "it is an HDF5 file, perhaps a Keras or NIR model: convert it to ONNX"
    if head[4:8] == b"TFL3":
        return "it is a TensorFlow Lite model: convert it to ONNX"
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer: fetch the file itself with git lfs pull"
    if head.lstrip()[:1] in (b"{", b"<", b"[") or head.startswith(b"builtin.module"):
        return "it is a text file; an ONNX model is binary"
    return "the file may be damaged or cut off: export or download it again"
