"""Models behind HTTP: one plane that knows no HTTP, thin edges, swaps without a lost request."""
