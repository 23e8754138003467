"""How many deliveries are sent at once (specification, capacity table)."""

_STEPS = ((100, 10), (500, 25), (1_000, 50))
_MOST = 100


def concurrency_for(due_an_hour: int) -> int:
    """Deliveries in flight at once for a queue of `due_an_hour`: 10 up to 100, 25 up to 500, 50 up to
    1,000 and 100 above."""
    return next((workers for depth, workers in _STEPS if due_an_hour <= depth), _MOST)
