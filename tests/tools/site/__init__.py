"""The documentation site (`make docs`): pages are staged, references generated from code, the result checked."""
