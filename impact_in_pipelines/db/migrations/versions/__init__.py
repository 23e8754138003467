"""Each change of the schema, in order: history, never edited."""
