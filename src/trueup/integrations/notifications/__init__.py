"""Tells people what the loop has seen and done: Slack, Teams, mail, PagerDuty, webhooks."""
