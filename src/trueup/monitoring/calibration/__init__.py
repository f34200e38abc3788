"""How far the reference's own windows stray, and from where on a window counts as drifted."""
