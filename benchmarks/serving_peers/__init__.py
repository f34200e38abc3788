"""Servers of models, asked the same things beside each other."""
