"""tfsocial: society's checkpoints, papers, data and machines, made into a text model."""

__version__ = "0.1.0"
