"""Detectors of change, one a file."""
