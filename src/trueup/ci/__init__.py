"""Continuous integration: where a job runs, what it writes, and the workflows that start it."""
