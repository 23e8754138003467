"""Why rows of an events file are rejected."""
