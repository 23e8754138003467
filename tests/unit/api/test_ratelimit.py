"""So many requests a minute for each subject, told in headers."""

import pytest

from impact_in_pipelines.api.http.counts import OwnBuckets, buckets, counted_together
from impact_in_pipelines.api.http.ratelimit import OpenStreams, RequestLimiter, network_of


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_limit_may_be_used_at_once_and_then_refills_evenly() -> None:
    """60 a minute: sixty at once, then one a second."""
    clock = _Clock()
    limiter = RequestLimiter(60, clock=clock)

    assert not any(limiter.take("a").exceeded for _ in range(60))
    refused = limiter.take("a")
    assert refused.exceeded
    assert refused.retry_after_s == 1
    clock.now += 1
    assert not limiter.take("a").exceeded
    assert limiter.take("a").exceeded


def test_one_subject_does_not_use_up_anothers() -> None:
    """Each has a bucket of its own."""
    limiter = RequestLimiter(1, clock=_Clock())

    assert not limiter.take("a").exceeded
    assert limiter.take("a").exceeded
    assert not limiter.take("b").exceeded


def test_headers_say_the_policy_and_what_is_left() -> None:
    """The names of the IETF draft, as structured fields."""
    rate = RequestLimiter(60, clock=_Clock()).take("a")

    assert rate.headers == {
        "RateLimit-Policy": '"token";q=60;w=60',
        "RateLimit": '"token";r=59;t=1',
    }


@pytest.mark.parametrize("waits", [1, 30, 600])
def test_a_pause_never_gives_more_than_the_limit(waits: int) -> None:
    """Nobody saves up for a flood."""
    clock = _Clock()
    limiter = RequestLimiter(2, clock=clock)
    limiter.take("a")
    clock.now += waits

    taken = sum(not limiter.take("a").exceeded for _ in range(10))

    assert taken <= 2


def test_subjects_that_ask_no_more_are_forgotten() -> None:
    """Memory is bounded, however many there are."""
    limiter = RequestLimiter(1, clock=_Clock())
    for n in range(10_001):
        limiter.take(f"s{n}")

    assert not limiter.take("s0").exceeded  # forgotten, so it starts afresh
    assert limiter.take("s10000").exceeded


def test_processes_that_share_a_file_count_together() -> None:
    """Four workers let through what one would: each maps the same counts."""
    clock = _Clock()
    with counted_together():
        workers = [RequestLimiter(60, buckets=buckets(), clock=clock) for _ in range(4)]
        passed = sum(not workers[n % 4].take("a").exceeded for n in range(200))
        assert passed == 60
        clock.now += 1
        assert [one.take("a").exceeded for one in workers] == [False, True, True, True]
        assert not workers[3].take("b").exceeded
        for n in range(40_000):  # more than there is room for: the oldest make way
            workers[n % 4].take(f"s{n}")
        assert workers[0].take("s39999").remaining == 58
    assert isinstance(buckets(), OwnBuckets)


def test_addresses_and_subjects_of_one_name_are_different_callers() -> None:
    """In one file too."""
    counts = OwnBuckets()
    by_token = RequestLimiter(1, buckets=counts, clock=_Clock())
    by_address = RequestLimiter(1, kind="address", buckets=counts, clock=_Clock())
    assert not by_token.take("10.0.0.1").exceeded
    assert not by_address.take("10.0.0.1").exceeded
    assert by_address.take("10.0.0.1").headers["RateLimit"].startswith('"address"')


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("not an address", "not an address", True),
    ],
)
def test_who_has_many_addresses_is_one_caller(one: str, other: str, same: bool) -> None:
    """An IPv6 /64 belongs to one."""
    assert (network_of(one) == network_of(other)) is same


def test_a_subject_holds_so_many_streams_and_no_more() -> None:
    """Each that ends makes room; another subject isn't in the way."""
    streams = OpenStreams(2)
    with streams.held("a"):
        with streams.held("a"):
            assert streams.is_full("a")
            assert not streams.is_full("b")
        assert not streams.is_full("a")
