"""Parts of `settings.Settings`, a subject each."""
