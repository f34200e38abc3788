"""Tables of any kind, read in streaming passes of bounded memory, into profiles."""
