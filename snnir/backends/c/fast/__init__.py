"""C99 that computes a quantised spiking network as fast as a processor can: no clocks, no machine."""

from snnir.backends.c.fast.target import FAST_FILES, fast_sources

__all__ = ["FAST_FILES", "fast_sources"]
