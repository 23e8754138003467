"""Takes secrets out of what is logged, stored or shown."""
