"""snnir: a spiking-network compiler. Trained networks become C and Verilog whose spikes are equal."""

__version__ = "0.1.0"
