"""Archives of evidence."""
