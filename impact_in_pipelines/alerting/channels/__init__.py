"""Where notices go: Slack, PagerDuty, the log."""
