"""What a network takes by a model: operations counted, times the constants of a technology."""
