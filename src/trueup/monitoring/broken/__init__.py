"""Data that is broken rather than moved: what came as it never should, and which pipe to mend."""
