"""C99 from a scheduled `pe.program`: the reference interpreter of the machine, self-contained."""

from snnir.backends.c.target import CTarget, c_sources

__all__ = ["CTarget", "c_sources"]
