"""How models become graphs that take numbers alone; one file a kind of model."""
