"""A report is a value made of blocks; renderers show it on a terminal, as Markdown or JSON."""
