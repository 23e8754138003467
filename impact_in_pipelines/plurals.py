"""A number with its noun, in English. Pages have theirs from gettext, which knows other languages' forms."""


def count(number: float, one: str, many: str | None = None) -> str:
    """`1 schedule`, `2 schedules`, `12,345 rows`, `1.5 hours`; `many` where an s at the end doesn't make it:
    `count(n, "delivery", "deliveries")`, `count(n, "schedule goes on", "schedules go on")`."""
    shown = f"{number:,.0f}" if number == int(number) else f"{number:g}"
    return f"{shown} {one if number == 1 else many or f'{one}s'}"
