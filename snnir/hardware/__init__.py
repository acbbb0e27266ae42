"""Builders of the register level: the array, its control and its neurons as hw/comb/seq."""
