"""Statuses that are kept: fresh, dropped by changes, renewed behind the reader's back, never old."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest

from impact_in_pipelines.api.sla.statuses import FRESH_S, USABLE_S, StatusCache

ONE = UUID("00000000-0000-4000-8000-000000000001")
TWO = UUID("00000000-0000-4000-8000-000000000002")


class Measuring:
    """A cache, its clock, and how often something was measured."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.hears = True
        self.made = 0
        self.renewed = threading.Event()
        self.cache = StatusCache(lambda: self.hears, clock=lambda: self.now)

    def ask(
        self, company: UUID | None = ONE, meanwhile: Callable[[], None] = lambda: None
    ) -> bytes:
        def make() -> bytes:
            self.made += 1
            meanwhile()
            self.renewed.set()
            return str(self.made).encode()

        return self.cache.answer(company, "this week", make)


@pytest.fixture
def measuring() -> Measuring:
    return Measuring()


def test_it_is_measured_once_while_it_is_fresh(measuring: Measuring) -> None:
    """However often it is asked for; each company has its own."""
    assert {measuring.ask() for _ in range(5)} == {b"1"}
    assert measuring.ask(TWO) == b"2"


def test_a_change_of_the_company_drops_its_answers_only(measuring: Measuring) -> None:
    """Heard at once, measured at the next question."""
    measuring.ask(ONE)
    measuring.ask(TWO)

    measuring.cache.changed(ONE)

    assert measuring.ask(TWO) == b"2"
    assert measuring.ask(ONE) == b"3"


def test_what_changes_while_it_is_measured_is_not_kept(measuring: Measuring) -> None:
    """The change may be missing in the answer."""
    measuring.ask(meanwhile=lambda: measuring.cache.changed(ONE))

    assert measuring.ask() == b"2"


def test_whoever_asks_a_little_late_waits_for_nobody(measuring: Measuring) -> None:
    """They get the old answer once more, and the next one gets a new one."""
    measuring.ask()
    measuring.renewed.clear()
    measuring.now += FRESH_S

    assert measuring.ask() == b"1"
    assert measuring.renewed.wait(30)
    measuring.cache.close()
    assert measuring.ask() == b"2"


def test_nobody_is_given_an_old_answer(measuring: Measuring) -> None:
    """After that it is measured while one waits."""
    measuring.ask()
    measuring.now += USABLE_S

    assert measuring.ask() == b"2"


def test_where_changes_are_not_heard_nothing_is_kept(measuring: Measuring) -> None:
    """Better slow than wrong."""
    measuring.ask()
    measuring.hears = False

    assert measuring.ask() == b"2"


def test_after_changes_were_missed_everything_is_measured_anew(measuring: Measuring) -> None:
    """The listener had to connect again."""
    measuring.ask(ONE)
    measuring.ask(None)

    measuring.cache.clear()

    assert (measuring.ask(ONE), measuring.ask(None)) == (b"3", b"4")


def test_an_error_is_the_askers_and_is_not_kept(measuring: Measuring) -> None:
    """The next question tries again."""

    def fails() -> None:
        raise RuntimeError("the database is away")

    with pytest.raises(RuntimeError):
        measuring.ask(meanwhile=fails)

    assert measuring.ask() == b"2"
