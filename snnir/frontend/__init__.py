"""Readers of trained networks: files become modules of the `onnx` dialect."""
