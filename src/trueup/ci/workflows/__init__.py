"""The files that make a forge run trueup: text from facts, and what becomes of edits by hand."""
