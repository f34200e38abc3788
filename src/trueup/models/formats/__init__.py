"""One file a format; detection.py lists them."""
