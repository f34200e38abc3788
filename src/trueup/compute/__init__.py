"""Engines that compute elsewhere: what runs there, and how it is found again."""
