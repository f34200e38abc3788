"""Stages, their keys, the plan, the lock, the run, and why."""
