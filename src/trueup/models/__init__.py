"""Models as files: detect the format, load what is allowed, predict on a table, check it."""

from trueup.models.libraries import library

library("numpy", "numpy")  # every table is made of it; without, say at once what to install
