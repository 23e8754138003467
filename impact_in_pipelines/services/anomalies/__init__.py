"""Which daily series have left their past: found once a day, kept as incidents."""
