"""Training: the loop, its schedule, state and checkpoints."""
