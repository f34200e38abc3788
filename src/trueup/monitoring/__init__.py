"""What is watched: profiles of windows, how far they are from a reference, and when that alarms."""
