"""Windows of captures, closed one after the other: counted once, checked once, written down."""
