"""Training of networks that the compiler takes: plain torch modules, recipes, export to ONNX.

Needs the extra `train` (torch). Nothing else in the package imports this one.
"""
