"""Clients of GitHub and GitLab: pull requests, comments, statuses, dispatched workflows."""
