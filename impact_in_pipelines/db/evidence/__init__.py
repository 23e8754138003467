"""The chain of evidence: links added, read and looked through."""
