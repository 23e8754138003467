"""A company's evidence: archives, chains kept complete, heads published."""
