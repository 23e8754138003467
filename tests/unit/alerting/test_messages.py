"""What Slack and PagerDuty are told: every kind of notice, within their limits, with nothing unescaped."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.alerting.channels.channel import asked_wait_s
from impact_in_pipelines.alerting.channels.pagerduty import PagerDutyChannel, event
from impact_in_pipelines.alerting.channels.slack import SlackChannel, message
from impact_in_pipelines.alerting.sender import wait
from impact_in_pipelines.alerting.wording import Links
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.sandbox.alerts import PagerDutyEvent, SlackMessage
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.incidents import FailedRun, Notice, NoticeKind
from impact_in_pipelines.sla.model import Breach, BreachType

from .helpers import MINUTE, NOON, Book, breach, few, outage, warning, window

LINKS = Links.from_settings(read_settings({}))
RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"


def notice_of(seen: Breach, kind: NoticeKind = NoticeKind.OPENED, **changes: Any) -> Notice:
    """A notice of this kind about `seen`."""
    (change,) = Book().look([seen], NOON)
    assert change.notice is not None
    assert change.notice.incident is not None
    incident = replace(change.notice.incident, **changes)
    return replace(change.notice, kind=kind, incident=incident)


def run_notice(error: str = "KeyError: 'hours'") -> Notice:
    """A notice about a failed run."""
    run = FailedRun("0f5a", "drain_goodera", "goodera_export", error)
    return Notice("run:0f5a", NoticeKind.RUN_FAILED, NOON, pages=False, run=run)


EVERY = [
    notice_of(breach(type=type_, company_id=company, company=slug), kind)
    for type_ in BreachType
    for kind in NoticeKind
    if kind is not NoticeKind.RUN_FAILED
    for company, slug in ((breach().company_id, "acme"), (None, None))
] + [run_notice()]


@pytest.mark.parametrize("notice", EVERY, ids=[str(place) for place in range(len(EVERY))])
def test_every_notice_is_a_valid_message(notice: Notice) -> None:
    """For Slack's Block Kit and PagerDuty's Common Event Format, as strictly as the sandbox reads them."""
    text, blocks = message(notice, LINKS)
    SlackMessage.model_validate_json(json.dumps({"text": text, "blocks": blocks}))
    built = event(notice, LINKS)
    if built is not None:
        PagerDutyEvent.model_validate_json(json.dumps({"routing_key": "k", **built}))


def test_hostile_and_endless_texts_stay_within_bounds() -> None:
    """Whatever a platform answered: it can neither mention a channel nor make the message unacceptable."""
    hostile = "<!channel> & <https://evil.example|click> " * 400
    notice = notice_of(breach(details={"last_error": hostile}), muted_by=hostile)
    for one in (notice, run_notice(hostile)):
        text, blocks = message(one, LINKS)
        SlackMessage.model_validate_json(json.dumps({"text": text, "blocks": blocks}))
        assert "<!channel>" not in json.dumps(blocks)
        assert "<https://evil" not in json.dumps(blocks)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (breach(), "97.00 %, threshold 98 %"),
        (
            breach(type=BreachType.LATENCY, actual=301_000.0, threshold=300_000.0),
            "5 min 1 s, threshold 5 min",
        ),
        (
            breach(type=BreachType.CONSECUTIVE_FAILURES, actual=3, threshold=3),
            "3 deliveries in a row have failed, threshold 3",
        ),
        (breach(actual=99.9999, threshold=99.99995), "99.99 %, threshold 99.99995 %"),
        (breach(type=BreachType.OVERDUE, actual=1, threshold=0), "1 fire overdue"),
        (
            breach(
                type=BreachType.OVERDUE,
                actual=4,
                threshold=0,
                details={"oldest_late_minutes": 16.5},
            ),
            "4 fires overdue, the oldest by 16 min 30 s",
        ),
        (
            breach(type=BreachType.BURN_RATE, actual=20.0, threshold=14.4),
            "the error budget burns 20.0 times too fast, threshold 14.4",
        ),
        (outage(), "every attempt has failed for 31 minutes, threshold 30"),
    ],
)
def test_actual_against_threshold(seen: Breach, said: str) -> None:
    """In each metric's own unit."""
    notice = notice_of(seen)
    assert notice.incident is not None
    assert wording.fact(notice.incident) == said
    assert said in wording.summary(notice)


def test_levels_are_in_the_headline() -> None:
    """1 warning, 2 breach, 3 platform outage; a failed run is a warning."""
    heads = [
        wording.headline(one)
        for one in (
            notice_of(warning()),
            notice_of(breach()),
            notice_of(breach(), NoticeKind.RAISED),
            notice_of(outage()),
            notice_of(breach(), NoticeKind.RECOVERED),
            run_notice(),
        )
    ]
    assert heads == [
        "Level 1 · warning: success rate",
        "Level 2 · SLA breach: success rate",
        "Raised to level 2 · SLA breach: success rate",
        "Level 3 · platform outage",
        "Recovered: success rate",
        "Level 1 · run failed: drain_goodera",
    ]


def test_few_deliveries_are_called_few() -> None:
    """Whoever reads it must know why nobody was paged."""
    notice = notice_of(few(sample_size=1))
    assert notice.incident is not None
    assert wording.sample(notice.incident) == "1 delivery"
    assert wording.rule(notice.incident) == "too few deliveries to be sure, so nobody is paged"
    assert wording.level(notice) == 1


def test_a_recovery_says_how_long_it_lasted() -> None:
    """From when it went bad to when it was good again, not to when the message was written."""
    notice = notice_of(breach(), NoticeKind.RECOVERED, closed_at=NOON + 20 * MINUTE)
    assert notice.incident is not None
    assert wording.since(notice.incident) == (
        "2026-03-10 11:00 UTC until 2026-03-10 12:20 UTC (1 h 20 min)"
    )


def test_what_was_withheld_says_why() -> None:
    """A notice that comes hours after its breach explains itself."""
    reason = f"maintenance: {window().reason}"
    _, blocks = message(notice_of(breach(), muted_by=reason), LINKS)

    assert f"*Withheld until now*\\n{reason}" in json.dumps(blocks)


def test_links_follow_the_settings() -> None:
    """The addresses under which people reach the UI, the cockpit and the runbook."""
    links = Links.from_settings(
        read_settings(
            {
                "DAGSTER_UI_URL": "https://dagster.example/",
                "COCKPIT_URL": "https://app.example/x/",
                "RUNBOOK_URL": "https://wiki.example/runbook",
            }
        )
    )
    said = json.dumps(message(notice_of(breach()), links))
    assert "<https://dagster.example/assets/goodera_export|" in said
    assert "<https://app.example/x/en/cockpit/" in said
    assert "https://wiki.example/runbook#success-rate" in said


@pytest.mark.parametrize("notice", EVERY, ids=[str(place) for place in range(len(EVERY))])
def test_the_runbook_has_what_messages_point_to(notice: Notice) -> None:
    """A heading for each anchor."""
    assert wording.anchor(notice) in {one.lower().replace(" ", "-") for one in _headings()}


@pytest.mark.parametrize("kind", ErrorKind)
def test_the_runbook_has_every_kind_of_error(kind: ErrorKind) -> None:
    """Under the name that the delivery log shows."""
    assert kind.value in _headings()


def _headings() -> list[str]:
    return re.findall(r"^#+ (.+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE)


def test_channels_show_no_secret() -> None:
    """Neither a webhook's URL nor a key is in a repr."""
    secret = SecretStr("https://hooks.example/T0/B0/very-secret")
    slack = SlackChannel(secret, LINKS, timeout_s=1)
    pager = PagerDutyChannel(secret, LINKS, events_url="http://127.0.0.1", timeout_s=1)

    assert "very-secret" not in repr([slack, pager, vars(slack), vars(pager)])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("30", 30.0), (" 7 ", 7.0), ("99999", 3600.0), ("-1", None)],
)
def test_a_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    """An hour at most; what isn't a number of seconds isn't waited for."""
    assert asked_wait_s(header) == seconds


def test_waits_double_up_to_five_minutes() -> None:
    """And are never shorter than what was asked for."""
    waits = [wait(n).total_seconds() for n in (1, 2, 3, 4, 5, 6, 1000)]
    assert waits == [30, 60, 120, 240, 300, 300, 300]
    assert wait(1, 600.0) == timedelta(minutes=10)
    assert wait(9, 5.0) == timedelta(minutes=5)
