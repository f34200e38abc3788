"""What each identity may do in a project's bucket, and how clouds are told so."""
