"""The platforms that this package brings, each one file, and what their mappings share."""
