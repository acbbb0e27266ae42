"""A machine whose program is data: its description, what fits it, how a program comes in."""
