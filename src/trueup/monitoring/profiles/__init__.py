"""Profiles: bounded, mergeable summaries of a window's columns on a named grid."""
