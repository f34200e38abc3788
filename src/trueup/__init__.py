"""trueup closes the MLOps loop of a Git repository: run, gate, promote, serve, watch, retrain."""

__version__ = "0.1.0"
