"""The HTTP edges of the plane: statuses, headers and bodies are known here and nowhere else."""
