"""Verbs that cross rooms: reproduce."""
