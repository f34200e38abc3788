"""Models as files: detect the format, load what is allowed, predict on a table, check it."""
