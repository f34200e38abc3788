"""Replaying a history through policies side by side: what each would have done, and its worth."""
