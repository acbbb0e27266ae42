"""The command lines `snn-opt` and `snnc`."""
