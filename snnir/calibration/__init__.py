"""What a network does on calibration data, and what is chosen by it: rounding, thresholds, bits."""
