"""So many requests a minute for each subject, told in headers."""

import pytest

from impact_in_pipelines.api.http.ratelimit import RateLimiter


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_limit_may_be_used_at_once_and_then_refills_evenly() -> None:
    """60 a minute: sixty at once, then one a second."""
    clock = _Clock()
    limiter = RateLimiter(60, clock=clock)

    assert not any(limiter.take("a").exceeded for _ in range(60))
    refused = limiter.take("a")
    assert refused.exceeded
    assert refused.retry_after_s == 1
    clock.now += 1
    assert not limiter.take("a").exceeded
    assert limiter.take("a").exceeded


def test_one_subject_does_not_use_up_anothers() -> None:
    """Each has a bucket of its own."""
    limiter = RateLimiter(1, clock=_Clock())

    assert not limiter.take("a").exceeded
    assert limiter.take("a").exceeded
    assert not limiter.take("b").exceeded


def test_headers_say_the_policy_and_what_is_left() -> None:
    """The names of the IETF draft, as structured fields."""
    rate = RateLimiter(60, clock=_Clock()).take("a")

    assert rate.headers == {
        "RateLimit-Policy": '"token";q=60;w=60',
        "RateLimit": '"token";r=59;t=1',
    }


@pytest.mark.parametrize("waits", [1, 30, 600])
def test_a_pause_never_gives_more_than_the_limit(waits: int) -> None:
    """Nobody saves up for a flood."""
    clock = _Clock()
    limiter = RateLimiter(2, clock=clock)
    limiter.take("a")
    clock.now += waits

    taken = sum(not limiter.take("a").exceeded for _ in range(10))

    assert taken <= 2


def test_subjects_that_ask_no_more_are_forgotten() -> None:
    """Memory is bounded, however many there are."""
    limiter = RateLimiter(1, clock=_Clock())
    for n in range(10_001):
        limiter.take(f"s{n}")

    assert not limiter.take("s0").exceeded  # forgotten, so it starts afresh
    assert limiter.take("s10000").exceeded
