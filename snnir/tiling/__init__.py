"""How a network is cut for the array: geometry of runs, rows of weights, choice of sizes."""
