"""What others have built, behind ports of ours: a package a project, imported when named."""
