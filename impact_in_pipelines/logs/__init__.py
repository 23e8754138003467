"""One line for what happened, with what it happened to: for people in a terminal, as JSON elsewhere."""
