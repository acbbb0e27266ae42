"""What runs a compiled network: build folders, the C program, simulation, synthesis."""
