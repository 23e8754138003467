"""Rate limits per platform and organisation."""

import pytest

from impact_in_pipelines.sandbox.accounts.config import RateLimit, Service
from impact_in_pipelines.sandbox.accounts.limits import RateLimiter

from .helpers import BODIES, Caller, goodera_body


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def admit(limiter: RateLimiter, limit: RateLimit, *organizations: str) -> int | None:
    """Ask for one Benevity request."""
    return limiter.admit(Service.BENEVITY, organizations or ("a",), limit)


def test_no_minute_holds_more_than_the_limit() -> None:
    """The window slides: the oldest request makes room a minute later, not at the full minute."""
    clock = Clock()
    limiter = RateLimiter(clock)
    limit = RateLimit(per_minute=2)
    assert admit(limiter, limit) is None
    clock.seconds += 40
    assert admit(limiter, limit) is None
    assert admit(limiter, limit) == 20
    clock.seconds += 20
    assert admit(limiter, limit) is None
    assert admit(limiter, limit) == 40


def test_a_refused_request_costs_nothing() -> None:
    """Knocking doesn't make the wait longer."""
    clock = Clock()
    limiter = RateLimiter(clock)
    limit = RateLimit(per_minute=1)
    assert admit(limiter, limit) is None
    assert [admit(limiter, limit) for _ in range(5)] == [60] * 5
    clock.seconds += 60
    assert admit(limiter, limit) is None


def test_the_day_has_a_limit_of_its_own() -> None:
    """The wait is until the day that began with the first request is over."""
    clock = Clock()
    limiter = RateLimiter(clock)
    limit = RateLimit(per_minute=10, per_day=3)
    for _ in range(3):
        assert admit(limiter, limit) is None
        clock.seconds += 3600
    assert admit(limiter, limit) == 86_400 - 3 * 3600
    clock.seconds += 86_400 - 3 * 3600
    assert admit(limiter, limit) is None


def test_organisations_and_platforms_do_not_share_a_limit() -> None:
    """One busy company doesn't use up another's."""
    limiter = RateLimiter(Clock())
    limit = RateLimit(per_minute=1)
    assert admit(limiter, limit, "a") is None
    assert admit(limiter, limit, "b") is None
    assert limiter.admit(Service.WORKDAY, ("a",), limit) is None
    assert admit(limiter, limit, "a") == 60


def test_a_request_for_several_is_charged_to_all_or_none() -> None:
    """A batch refused for one organisation's limit leaves the others' alone."""
    limiter = RateLimiter(Clock())
    limit = RateLimit(per_minute=1)
    assert admit(limiter, limit, "a") is None
    assert admit(limiter, limit, "a", "b") == 60
    assert admit(limiter, limit, "b") is None


@pytest.mark.parametrize(("platform", "per_minute"), [("benevity", 100), ("workday", 30)])
def test_the_designs_limits_are_the_defaults(
    caller: Caller, platform: str, per_minute: int
) -> None:
    """Request n + 1 of a minute gets 429 with whole seconds to wait; other companies go on."""
    held: dict[str, str | None] = {}
    if platform == "workday":
        held = {"Authorization": f"Bearer {caller.token()}"}
    for _ in range(per_minute):
        assert caller.send(platform, headers=held).status_code == 200
    answer = caller.send(platform, headers=held)
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "RATE_LIMIT")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert caller.send(platform, BODIES[platform]("org-2"), headers=held).status_code == 200


def test_a_limit_can_be_changed_and_switched_off_while_running(caller: Caller) -> None:
    """Changing one platform's limit leaves the others' as they are."""
    shown = caller.control.configure(rate_limits={"goodera": {"per_minute": 1}})
    assert shown["rateLimits"]["benevity"] == {"perMinute": 100, "perDay": 10_000}
    assert [caller.send("goodera").status_code for _ in range(2)] == [200, 429]
    batch = {"records": [goodera_body("org-1"), goodera_body("org-2")]}
    assert caller.send("goodera batch", batch).status_code == 429
    caller.control.configure(rate_limits_enabled=False)
    assert [caller.send("goodera").status_code for _ in range(2)] == [200, 200]
    assert caller.stats("goodera")["rejected"] == {"RATE_LIMIT": 2}
