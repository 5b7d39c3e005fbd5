"""From a run's model to a smaller one that says nearly the same."""
