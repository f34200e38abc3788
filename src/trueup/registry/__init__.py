"""Versions of models, who promoted which on what evidence, and what is live where."""
