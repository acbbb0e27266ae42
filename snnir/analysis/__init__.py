"""What is known about a network before it is scheduled: layers, ranges, windows, slices."""
