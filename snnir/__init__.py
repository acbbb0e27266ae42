"""A spiking-network compiler: trained networks become C and Verilog whose spikes are equal."""

__version__ = "0.1.0"
