"""Models and functions in other environments than trueup's own, each in a process of its own."""
