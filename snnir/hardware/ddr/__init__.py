"""What reads and writes DDR: weights are loaded, maps are moved."""
