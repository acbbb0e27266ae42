"""Numpy interpreters of the dialects: one call per layer or per tile."""
