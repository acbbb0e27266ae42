"""Passes, one per file; the file name is the pass name with underscores."""
