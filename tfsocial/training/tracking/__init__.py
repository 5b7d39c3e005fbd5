"""Numbers of a run in Weights & Biases or MLflow: beside the run, never in its way."""
