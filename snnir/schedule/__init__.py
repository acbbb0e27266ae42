"""A scheduled program in numbers: its tables, places in memory, clocks, and what they cost."""
