"""What a project says of itself: YAML with places, the schema, parameters."""
