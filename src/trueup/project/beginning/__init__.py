"""The verb init: look at a project, propose stages, write them, and see them run."""
