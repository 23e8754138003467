"""The log by months: partitions made ahead and dropped, what is archived, and what is purged."""
