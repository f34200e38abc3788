"""Runs: what one execution of the pipeline did, recorded while it happens and read back later."""
