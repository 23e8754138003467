"""What is proved and kept: the chain of evidence, with the functions that add to it; what was archived."""
