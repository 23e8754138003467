"""The log put right: what a restore or a crash left out of it."""
