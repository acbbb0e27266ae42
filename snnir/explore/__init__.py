"""The search for arrays and codings that suit a network: estimates, Pareto front, workers, plot."""
