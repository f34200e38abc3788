"""GitHub: github.com, ghe.com and enterprise servers."""
