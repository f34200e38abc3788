"""A report is a value made of blocks; renderers show it on a terminal, as Markdown or JSON.

>>> from trueup.reporting.blocks import Column, Report, Table
>>> from trueup.reporting.terminal import render_text
>>> table = Table((Column("metric"), Column("new", "number")), (("roc_auc", 0.75), ("rows", 120)))
>>> print(render_text(Report("", (table,))), end="")
metric      new
roc_auc    0.75
rows     120
"""
