"""Commits, diffs and branches of the repository that a project lies in."""
