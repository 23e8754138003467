"""Measurements. Numbers belong into `NOTES.md`, never into a test's assertion."""
