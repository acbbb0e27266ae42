"""C99 that computes a quantised spiking network fast: layer by layer, without machine or clocks."""

from snnir.backends.c.fast.target import FAST_FILES, fast_sources

__all__ = ["FAST_FILES", "fast_sources"]
