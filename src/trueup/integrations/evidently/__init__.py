"""Evidently's presets (https://www.evidentlyai.com), run in a process of their own."""
