"""What a row of an events file must hold."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

from impact_in_pipelines.impact.figures import STANDARD_RANGES

LONGEST_REF = 200
"""Characters of an event id, participant or volunteer reference."""

LONGEST_NAME = 100
"""Characters of an activity or outcome category."""

MOST_HOURS = 24 * 31
"""Hours of one event: a row may sum up a volunteer's month, but not more."""

EARLIEST = "1970"

# What both Python and PostgreSQL read alike; PostgreSQL's offsets end below 16 hours.
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-](?:0\d|1[0-5]):?[0-5]\d)",
    re.ASCII,
)
_HOURS = re.compile(r"\d{1,6}(?:\.\d{1,12})?", re.ASCII)
_SCORE = re.compile(r"-?\d{1,8}(?:\.\d{1,12})?", re.ASCII)
_REMEMBERED = 20_000
_Known = TypeVar("_Known")


class EventRules:
    """Judges rows; remembers values that it has found good, since few are ever new.

    `companies` are the known slugs; an event after `latest` (aware) lies too far in the future.
    """

    def __init__(self, companies: Collection[str], latest: datetime) -> None:
        self._companies = companies
        self._latest = latest
        self._activities: set[str] = set()
        self._hours: set[str] = {""}
        self._outcomes: set[tuple[str, str]] = {("", "")}

    def problem(self, fields: list[str]) -> str | None:
        """Why `fields` (nine texts without surrounding blanks, in the header's order) don't hold, in words
        for the person who mends the file; None if they do."""
        event_id, company, occurred_at, activity, participant, volunteer, hours, category, score = (
            fields
        )
        if not event_id:
            return "event_id is missing"
        if company not in self._companies:
            return f"unknown company '{company[:63]}'" if company else "company is missing"
        if len(event_id) > LONGEST_REF:
            return f"event_id is longer than {LONGEST_REF} characters"
        if len(participant) > LONGEST_REF:
            return f"participant_ref is longer than {LONGEST_REF} characters"
        if len(volunteer) > LONGEST_REF:
            return f"volunteer_ref is longer than {LONGEST_REF} characters"
        if activity not in self._activities and (problem := self._activity(activity)):
            return problem
        if hours not in self._hours and (problem := self._hours_problem(hours)):
            return problem
        if (category, score) not in self._outcomes and (problem := self._outcome(category, score)):
            return problem
        if "\0" in event_id or "\0" in participant or "\0" in volunteer:
            return "a field holds a NUL byte"
        return self._instant(occurred_at)

    def _instant(self, text: str) -> str | None:
        if not text:
            return "occurred_at is missing"
        if not _INSTANT.fullmatch(text):
            return _why_no_instant(text)
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            return f"occurred_at '{text}' is no date and time"
        if instant > self._latest:
            return f"occurred_at '{text}' lies in the future"
        if text < EARLIEST:
            return f"occurred_at '{text}' lies before {EARLIEST}"
        return None

    def _activity(self, text: str) -> str | None:
        if not text:
            return "activity is missing"
        problem = _name_problem("activity", text)
        if not problem:
            _remember(self._activities, text)
        return problem

    def _hours_problem(self, text: str) -> str | None:
        if not _HOURS.fullmatch(text):
            return f"hours '{text[:40]}' is no number of hours such as 1.5, from 0 to {MOST_HOURS}"
        if float(text) > MOST_HOURS:
            return f"hours {text} is outside 0 to {MOST_HOURS}"
        _remember(self._hours, text)
        return None

    def _outcome(self, category: str, score: str) -> str | None:
        if not category:
            return f"outcome_score '{score[:40]}' has no outcome_category"
        if not score:
            return f"outcome_category '{category[:40]}' has no outcome_score"
        if problem := _name_problem("outcome_category", category):
            return problem
        if not _SCORE.fullmatch(score):
            return f"outcome_score '{score[:40]}' is no decimal number such as 0.75"
        lowest, highest = STANDARD_RANGES.get(category, (float("-inf"), float("inf")))
        if not lowest <= float(score) <= highest:
            return f"outcome_score {score} is outside {lowest:g} to {highest:g} of {category}"
        _remember(self._outcomes, (category, score))
        return None


def _why_no_instant(text: str) -> str:
    try:
        naive = datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        naive = False
    if naive:
        return f"occurred_at '{text}' has no offset; end it with Z or such as +01:00"
    return f"occurred_at '{text[:60]}' isn't ISO 8601 such as 2026-03-01T09:30:00+01:00"


def _name_problem(column: str, text: str) -> str | None:
    if len(text) > LONGEST_NAME:
        return f"{column} is longer than {LONGEST_NAME} characters"
    return "a field holds a NUL byte" if "\0" in text else None


def _remember(known: set[_Known], value: _Known) -> None:
    if len(known) < _REMEMBERED:
        known.add(value)
