"""What whoever runs the system does: examine it, hold platforms, keep the log small."""
