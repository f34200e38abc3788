"""Tables scored by a version of the registry: in parts, captured as a server's answers are."""
