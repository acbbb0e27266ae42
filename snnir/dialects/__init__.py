"""The levels of the compiler: `onnx`, `snn` and `pe`."""
