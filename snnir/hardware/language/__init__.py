"""A small language for generators: signals in Python become hw/comb/seq ops with legal names."""
