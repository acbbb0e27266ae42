"""Proofs by SMT: what is printed for a neuron does what its regions say."""
