"""What the log keeps in English, for readers of other languages."""
