"""What fleets larger than this machine would need: a model, and a simulation of it."""
