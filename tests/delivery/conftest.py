"""Rooms are joined with NumPy and polars; without the extra there is nothing here to test."""

from importlib.util import find_spec

if find_spec("numpy") is None or find_spec("polars") is None:
    collect_ignore_glob = ["test_*.py"]
