"""When incidents open, rise and close, and what is told of it (docs/runbook.md, "How alerts behave")."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.alerting.reconciling import Quiet, acknowledged, reconcile
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import NoticeKind
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity

from .helpers import ACME, MINUTE, NOON, Book, breach, few, outage, warning, window

OPENED, RAISED, RECOVERED = NoticeKind.OPENED, NoticeKind.RAISED, NoticeKind.RECOVERED
AT_ONCE = timedelta(0)


def test_a_breach_opens_one_incident_however_often_it_is_seen() -> None:
    """Exactly one opening notice."""
    book = Book()
    for minute in range(5):
        book.look([breach()], NOON + minute * MINUTE)

    (incident,) = book.open
    assert incident.opened_at == NOON
    assert incident.since == NOON - timedelta(hours=1)
    assert book.notices == [(OPENED, True)]


def test_what_stays_as_it_is_is_not_stored_again() -> None:
    """A thousand open incidents cost nothing while nothing happens."""
    book = Book()
    book.look([breach()], NOON)

    assert book.look([breach()], NOON + MINUTE) == []


def test_a_warning_that_becomes_critical_is_told_once_more() -> None:
    """Exactly one notice for a rise, also when the breach eases and worsens again."""
    book = Book()
    for minute, seen in enumerate([warning(), breach(), warning(), breach(), breach()]):
        book.look([seen], NOON + minute * MINUTE)

    assert book.notices == [(OPENED, False), (RAISED, True)]
    assert book.open[0].severity is Severity.CRITICAL


def test_an_open_incident_shows_the_newest_numbers() -> None:
    """What was measured last, and since when it was first seen."""
    book = Book()
    book.look([breach(actual=97.0)], NOON)
    book.look([breach(actual=93.0, since=NOON)], NOON + MINUTE)

    assert book.open[0].actual == 93.0
    assert book.open[0].since == NOON - timedelta(hours=1)


def test_recovery_closes_once_the_breach_has_stayed_away() -> None:
    """`closed_at` is when the breach went, not when the hold ended."""
    book = Book()
    book.look([breach()], NOON)
    book.look([], NOON + 10 * MINUTE)
    book.look([], NOON + 14 * MINUTE)
    assert book.open

    book.look([], NOON + 15 * MINUTE)
    book.look([], NOON + 16 * MINUTE)

    (incident,) = book.incidents.values()
    assert incident.closed_at == NOON + 10 * MINUTE
    assert book.kinds == [OPENED, RECOVERED]


def test_a_breach_that_comes_back_within_the_hold_is_the_same_incident() -> None:
    """A rate that hovers about its threshold is one story, told once."""
    book = Book()
    for minute in range(0, 40, 2):
        book.look([breach()] if minute % 4 == 0 else [], NOON + minute * MINUTE)

    assert len(book.incidents) == 1
    assert book.kinds == [OPENED]


@pytest.mark.parametrize("type_", [BreachType.CONSECUTIVE_FAILURES, BreachType.PLATFORM_OUTAGE])
def test_what_one_delivery_proves_is_believed_at_once(type_: BreachType) -> None:
    """A schedule that works again, a platform that answers."""
    book = Book()
    book.look([breach(type=type_)], NOON)
    book.look([], NOON + MINUTE)

    assert book.kinds == [OPENED, RECOVERED]
    assert not book.open


def test_a_breach_after_a_recovery_is_a_new_incident() -> None:
    """With an opening notice of its own."""
    book = Book()
    for minute, seen in enumerate([[breach()], [], [breach()]]):
        book.look(seen, NOON + minute * MINUTE, hold=AT_ONCE)

    assert len(book.incidents) == 2
    assert book.kinds == [OPENED, RECOVERED, OPENED]
    assert len(set(book.keys)) == 3


def test_types_that_were_not_read_are_not_closed() -> None:
    """A look at the outages says nothing about rates: an absent answer isn't a recovery."""
    book = Book()
    book.look([breach()], NOON)

    book.look([], NOON + MINUTE, scope={BreachType.PLATFORM_OUTAGE}, hold=AT_ONCE)

    assert book.kinds == [OPENED]
    assert book.open


def test_few_deliveries_page_nobody() -> None:
    """Low confidence: told, and nobody is called."""
    book = Book()
    book.look([few(sample_size=4)], NOON)

    assert book.notices == [(OPENED, False)]


def test_enough_deliveries_page_later() -> None:
    """The breach was right after all: that is a rise."""
    book = Book()
    for minute in range(3):
        book.look([breach() if minute else few()], NOON + minute * MINUTE)

    assert book.notices == [(OPENED, False), (RAISED, True)]


def test_consecutive_failures_page_however_few() -> None:
    """They are facts, not estimates."""
    book = Book()
    three = breach(type=BreachType.CONSECUTIVE_FAILURES, sample_size=3, rule=Rule.FAILURES_IN_A_ROW)
    book.look([three], NOON)

    assert book.notices == [(OPENED, True)]


def test_maintenance_mutes_and_annotates() -> None:
    """What happens in a window is recorded with the window, and told to nobody."""
    book = Book()
    book.look([breach()], NOON, quiet=Quiet([window()]))
    book.look([], NOON + MINUTE, quiet=Quiet([window()]), hold=AT_ONCE)

    (incident,) = book.incidents.values()
    assert incident.maintenance_id == window().id
    assert incident.muted_by == "maintenance until 2026-03-10 13:00 UTC: upgrade"
    assert incident.closed_at is not None
    assert book.notices == []


def test_a_breach_that_outlives_its_window_is_told_then() -> None:
    """Once, as an opening, with the reason it comes so late."""
    book = Book()
    for minute in (0, 30, 60, 61):
        changes = book.look([breach()], NOON + minute * MINUTE, quiet=Quiet([window()]))
        for change in changes:
            if change.notice is not None:
                assert change.notice.incident is not None
                assert "upgrade" in (change.notice.incident.muted_by or "")

    assert book.notices == [(OPENED, True)]
    assert book.open[0].maintenance_id == window().id


def test_a_rise_within_a_window_waits_for_its_end() -> None:
    """What was told as a warning before the window is told as critical after it."""
    book = Book()
    book.look([warning()], NOON - 90 * MINUTE, quiet=Quiet([window()]))
    book.look([breach()], NOON, quiet=Quiet([window()]))
    assert book.kinds == [OPENED]

    book.look([breach()], NOON + 61 * MINUTE, quiet=Quiet([window()]))

    assert book.notices == [(OPENED, False), (RAISED, True)]


def test_whoever_was_told_is_told_of_the_recovery_in_a_window_too() -> None:
    """A page must not stay open because of maintenance."""
    book = Book()
    book.look([breach()], NOON - 90 * MINUTE)
    book.look([], NOON, quiet=Quiet([window()]), hold=AT_ONCE)

    assert book.notices == [(OPENED, True), (RECOVERED, True)]


@pytest.mark.parametrize(
    ("changes", "muted"),
    [
        ({}, True),
        ({"platform": Platform.BENEVITY}, False),
        ({"platform": None, "company_id": ACME}, True),
        ({"platform": None, "company_id": UUID(int=2)}, False),
        ({"company_id": ACME}, True),
        ({"company_id": UUID(int=2)}, False),
        ({"starts_at": NOON + MINUTE}, False),
        ({"starts_at": NOON}, True),
        ({"ends_at": NOON}, False),
    ],
)
def test_a_window_covers_what_it_names(changes: dict[str, object], muted: bool) -> None:
    """A platform, a company or one on the other, from its first instant up to its last, exclusive."""
    book = Book()
    book.look([breach()], NOON, quiet=Quiet([window(**changes)]))

    assert (book.notices == []) is muted


def test_a_companys_window_does_not_mute_a_platform() -> None:
    """An outage concerns the others too."""
    book = Book()
    mine = window(platform=None, company_id=ACME)
    book.look([outage()], NOON, quiet=Quiet([mine]))

    assert book.notices == [(OPENED, True)]


def test_an_outage_is_told_once_for_all_companies() -> None:
    """What it does to each company is recorded, and told only if it outlives the outage."""
    book = Book()
    wide = breach(company_id=None, company=None)
    elsewhere = warning(platform=Platform.WORKDAY)
    out = Quiet([], {Platform.GOODERA})
    book.look([outage(), breach(), wide, elsewhere], NOON, quiet=out)
    assert book.notices == [(OPENED, True), (OPENED, False)]
    assert len(book.open) == 4

    book.look([breach(), elsewhere], NOON + MINUTE)

    assert book.kinds == [OPENED, OPENED, OPENED, RECOVERED]


def test_an_acknowledgement_reaches_the_pager_that_called() -> None:
    """And nobody else."""
    book = Book()
    book.look([breach(), warning(type=BreachType.LATENCY)], NOON)
    critical, mild = book.open

    paged = acknowledged(critical, "ola", NOON)
    quiet = acknowledged(mild, "ola", NOON)

    assert paged.incident.acknowledged_by == "ola"
    assert paged.notice is not None
    assert paged.notice.kind is NoticeKind.ACKNOWLEDGED
    assert quiet.notice is None


def test_levels() -> None:
    """1 warning, 2 breach, 3 platform outage."""
    book = Book()
    book.look([warning(), breach(type=BreachType.LATENCY), outage()], NOON)

    assert [incident.level for incident in book.open] == [1, 2, 3]


SEEN = st.sampled_from(
    [
        None,
        warning(),
        breach(),
        breach(low_confidence=True),
        warning(low_confidence=True),
    ]
)


@given(
    st.lists(
        st.tuples(st.integers(1, 9), SEEN, st.booleans()),
        max_size=40,
    )
)
def test_every_story_is_told_in_order_and_only_once(
    looks: list[tuple[int, Breach | None, bool]],
) -> None:
    """Whatever is seen: never two open incidents for one thing; for each incident at most one opening, then
    at most two rises (to critical, to a page), then at most one recovery; nothing recovers that wasn't told;
    no notice is written twice."""
    book, now = Book(), NOON
    stories: dict[UUID, list[NoticeKind]] = {}
    for minutes, seen, muted in looks:
        now += minutes * MINUTE
        quiet = Quiet([window(ends_at=NOON + timedelta(days=9))]) if muted else None
        for change in book.look([seen] if seen else [], now, quiet=quiet):
            if change.notice is not None:
                stories.setdefault(change.incident.id, []).append(change.notice.kind)
        assert len(book.open) <= 1
    for told in stories.values():
        opened, *rest = told
        assert opened is OPENED
        rises = [kind for kind in rest if kind is RAISED]
        assert len(rises) <= 2
        assert rest in (rises, [*rises, RECOVERED])
    assert len(set(book.keys)) == len(book.keys)
    for incident in book.incidents.values():
        if incident.closed_at is not None and incident.notified_severity is not None:
            assert stories[incident.id][-1] is RECOVERED


def test_reconciling_changes_nothing_it_was_given() -> None:
    """It is a pure function of its arguments."""
    book = Book()
    book.look([breach()], NOON)
    before = list(book.open)

    first = reconcile(before, [], NOON + MINUTE)
    second = reconcile(before, [], NOON + MINUTE)

    assert first == second
    assert before == book.open
    assert replace(before[0], cleared_at=NOON + MINUTE) == first[0].incident
