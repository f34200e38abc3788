"""GitLab: gitlab.com and servers of one's own."""
