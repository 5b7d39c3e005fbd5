"""L: what the labels say. Each reads `step.outputs` alone, so L costs one forward pass."""
