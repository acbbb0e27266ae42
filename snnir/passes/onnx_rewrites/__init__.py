"""The rewrites of simplify-onnx and fold-batchnorm, by theme: one file each."""
