"""The guard before a retrain: would the model learn from sound data, or from what misleads it?"""
