"""The chain of evidence: its tables, and the functions that add to it."""
