"""What was served: captures, the labels that come later, and both as one table."""
