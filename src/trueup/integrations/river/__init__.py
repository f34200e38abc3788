"""River's drift detectors (https://riverml.xyz), which look at one value after the other."""
