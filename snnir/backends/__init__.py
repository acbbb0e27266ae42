"""Printers: IR becomes Verilog, C and memory images. They decide nothing."""
