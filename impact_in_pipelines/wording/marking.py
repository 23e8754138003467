"""Marks a text for the translators; `pybabel extract` looks for it."""


def N_(message: str) -> str:  # noqa: N802
    """`message` itself: it is translated where it is shown."""
    return message
