"""Descriptions of the devices that a network can be compiled for."""
