"""Passes in order: pipelines are read, built, checked and run; the one of `snnc compile`."""
