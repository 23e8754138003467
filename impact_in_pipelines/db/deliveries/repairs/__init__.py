"""Repairs of the log after a clock that was wrong, or a restored backup."""
