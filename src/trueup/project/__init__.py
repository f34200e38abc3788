"""The workspace: a trueup.yaml as a whole, one function a verb."""
