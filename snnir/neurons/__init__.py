"""Neurons as programs: the language, what it becomes, and the neurons that are shipped."""
