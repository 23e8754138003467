"""A run of ours in a process: how it starts, what it says, and how it ends, also after a crash."""
