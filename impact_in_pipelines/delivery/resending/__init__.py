"""What is sent again: replays, and corrections of what has changed since. Pure decisions."""
