"""Models that cannot be compiled."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, external_data_helper, helper

from bad_input.cases import case
from bad_input.files import COMPILE, KERNEL, conv, digits, node, write_model


@case("missing model", "compile nowhere.onnx -o out", "nowhere.onnx", "No such file")
def _() -> None:
    pass


@case("empty model file", COMPILE, "model.onnx", "empty")
def _() -> None:
    Path("model.onnx").touch()


@case("truncated model", COMPILE, "model.onnx", "not", "again")
def _() -> None:
    Path("model.onnx").write_bytes(digits()[:9000])


@case("text instead of a model", COMPILE, "model.onnx", "ONNX", "text file")
def _() -> None:
    Path("model.onnx").write_text('{"layers": []}')


@case("PyTorch checkpoint", COMPILE, "model.onnx", "ONNX", "torch.onnx.export")
def _() -> None:
    Path("model.onnx").write_bytes(b"PK\x03\x04" + bytes(100))


@case("folder instead of a model", "compile model.onnx -o out", "model.onnx", "directory")
def _() -> None:
    Path("model.onnx").mkdir()


@case("unsupported operator", COMPILE, "'act' (Sigmoid)", "not supported", "Relu")
def _() -> None:
    write_model([conv("x", "w", "c"), node("Sigmoid", ["c"], "act"), node("Relu", ["act"], "y")],
                [("w", KERNEL)])  # fmt: skip


@case("operator of a custom domain", COMPILE, "'y' (Wobble)", "acme", "standard ONNX")
def _() -> None:
    write_model([node("Wobble", ["x"], "y", domain="acme")], domains=["acme"])


@case("misspelt operator", COMPILE, "'y' (Conv2d)", "not supported", "did you mean Conv?")
def _() -> None:
    write_model([node("Conv2d", ["x"], "y")])


@case("dynamic image size", COMPILE, "model.onnx", "'x'", "fixed")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", KERNEL)], shape=(1, 1, "height", "width"))


@case("NaN in weights", COMPILE, "'w'", "NaN", "model")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", KERNEL * np.nan)])


@case("infinite bias", COMPILE, "'b'", "infinit", "model")
def _() -> None:
    write_model([node("Conv", ["x", "w", "b"], "y")], [("w", KERNEL), ("b", [np.inf])])


@case("two layers without a Relu between them", COMPILE, "'y' (Conv)", "'a'", "Relu")
def _() -> None:
    write_model(
        [conv("x", "w", "a"), conv("a", "v", "y")], [("w", KERNEL), ("v", KERNEL[..., :1, :1])]
    )


@case("weights that do not fit", COMPILE, "'y' (Conv)", "channels", "again")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", np.ones((1, 3, 3, 3)))])


@case("tensor that nothing defines", COMPILE, "'y' (Conv)", "'w'", "export")
def _() -> None:
    write_model([conv("x", "w", "y")])


@case("two inputs", COMPILE, "model.onnx", "inputs")
def _() -> None:
    both = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 4, 4]) for n in "xz"]
    write_model([node("Add", ["x", "z"], "y")], inputs=both)


@case("weights in a file that is missing", COMPILE, "model.onnx", "weights.bin", quotes=True)
def _() -> None:
    import onnx

    model = onnx.load_from_string(digits())
    for tensor in model.graph.initializer:
        external_data_helper.set_external_data(tensor, "weights.bin")
        tensor.ClearField("raw_data")
    Path("model.onnx").write_bytes(model.SerializeToString())
