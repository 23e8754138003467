"""What a row of an events file must hold."""

import re
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from impact_in_pipelines.impact.csv_numbers import (
    HOURS_STEP,
    SCORE_STEP,
    AmbiguousComma,
    NoNumber,
    read_number,
)
from impact_in_pipelines.impact.figures import STANDARD_RANGES
from impact_in_pipelines.impact.reasons import sentences as reasons
from impact_in_pipelines.impact.reasons.sentences import told

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
# As other programs write it: .NET with seven digits of a second, Java with nine, PostgreSQL with the hours of
# an offset alone, RFC 3339 in small letters, ISO 8601 with a comma.
_INSTANT_OTHERWISE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,60}))?)?([Zz]|[+-](?:0\d|1[0-5]))"
    r"(?::?([0-5]\d))?",
    re.ASCII,
)
_REMEMBERED = 20_000
_HIGHEST_SCORE = 99_999_999.0
"""What the column holds (numeric(12, 4))."""


class EventRules:
    """Judges rows; remembers values that it has found good, since few are ever new.

    `companies` are the known slugs; an event after `latest` (aware) lies too far in the future.
    `decimal_comma`: a comma in a number can only be its decimal sign (`Dialect.decimal_comma`).
    """

    def __init__(
        self, companies: Collection[str], latest: datetime, *, decimal_comma: bool = False
    ) -> None:
        self._companies = companies
        self._latest = latest
        self._decimal_comma = decimal_comma
        self._activities: set[str] = set()
        self._hours: dict[str, str] = {"": "0"}
        self._outcomes: dict[tuple[str, str], str] = {("", ""): ""}

    def problem(self, fields: list[str]) -> str | None:
        """Every rule that `fields` (nine texts without surrounding blanks, in the header's order) break, in
        words for the person who mends the file; None if they hold. Then occurred_at, hours and outcome_score
        are replaced by what is stored."""
        event_id, company, occurred_at, activity, participant, volunteer, hours, category, score = (
            fields
        )
        stored_hours = self._hours.get(hours)
        stored_score = self._outcomes.get((category, score))
        found = [
            None if event_id else told(reasons.MISSING, column="event_id"),
            _too_long("event_id") if len(event_id) > LONGEST_REF else None,
            None if company in self._companies else _unknown_company(company),
            self._instant(occurred_at),
            None if activity in self._activities else self._activity(activity),
            None if participant or volunteer else reasons.NOBODY,
            _too_long("participant_ref") if len(participant) > LONGEST_REF else None,
            _too_long("volunteer_ref") if len(volunteer) > LONGEST_REF else None,
            self._hours_problem(hours) if stored_hours is None else None,
            *(self._outcome(category, score) if stored_score is None else ()),
            reasons.NUL if "\0" in "".join(fields) else None,
        ]
        if any(found):
            return reasons.BETWEEN.join(reason for reason in found if reason)
        fields[2] = _plain_instant(occurred_at) or occurred_at
        fields[6] = stored_hours or self._hours_stored(hours)
        fields[8] = (
            stored_score if stored_score is not None else self._score_stored(category, score)
        )
        return None

    def _instant(self, text: str) -> str | None:
        if not text:
            return told(reasons.MISSING, column="occurred_at")
        plain = _plain_instant(text)
        if plain is None:
            return _why_no_instant(text)
        try:
            instant = datetime.fromisoformat(plain)
        except ValueError:
            return told(reasons.NO_INSTANT, value=text)
        if instant > self._latest:
            return told(reasons.IN_THE_FUTURE, value=text)
        if text < EARLIEST:
            return told(reasons.TOO_EARLY, value=text, earliest=EARLIEST)
        return None

    def _activity(self, text: str) -> str | None:
        if not text:
            return told(reasons.MISSING, column="activity")
        if len(text) > LONGEST_NAME:
            return told(reasons.TOO_LONG, column="activity", most=LONGEST_NAME)
        if "\0" not in text and len(self._activities) < _REMEMBERED:
            self._activities.add(text)
        return None

    def _hours_problem(self, text: str) -> str | None:
        try:
            number = self._number(text, HOURS_STEP)
        except NoNumber:
            return told(reasons.NO_HOURS, value=text[:40], most=MOST_HOURS)
        except AmbiguousComma:
            return _ambiguous("hours", text)
        if not 0 <= number <= MOST_HOURS:
            return told(reasons.HOURS_OUTSIDE, value=text[:40], most=MOST_HOURS)
        return None

    def _outcome(self, category: str, score: str) -> list[str]:
        """What is wrong with an outcome; the category and the score may both be."""
        found = []
        if not category:
            found.append(told(reasons.NO_CATEGORY, value=score[:40]))
        elif not score:
            found.append(told(reasons.NO_SCORE, value=category[:40]))
        if len(category) > LONGEST_NAME:
            found.append(told(reasons.TOO_LONG, column="outcome_category", most=LONGEST_NAME))
        if score and (problem := self._score_problem(category, score)):
            found.append(problem)
        return found

    def _score_problem(self, category: str, text: str) -> str | None:
        try:
            number = self._number(text, SCORE_STEP)
        except NoNumber:
            return told(reasons.NO_DECIMAL, value=text[:40])
        except AmbiguousComma:
            return _ambiguous("outcome_score", text)
        lowest, highest = STANDARD_RANGES.get(category, (-_HIGHEST_SCORE, _HIGHEST_SCORE))
        if not lowest <= number <= highest:
            standard = category in STANDARD_RANGES
            return told(
                reasons.SCORE_OUTSIDE_OF if standard else reasons.SCORE_OUTSIDE,
                value=text[:40],
                lowest=_plain(lowest),
                highest=_plain(highest),
                category=category,
            )
        return None

    def _number(self, text: str, step: Decimal) -> Decimal:
        return read_number(text, step, decimal_comma=self._decimal_comma)

    def _hours_stored(self, text: str) -> str:
        stored = format(self._number(text, HOURS_STEP), "f")
        if len(self._hours) < _REMEMBERED:
            self._hours[text] = stored
        return stored

    def _score_stored(self, category: str, text: str) -> str:
        stored = format(self._number(text, SCORE_STEP), "f")
        if len(self._outcomes) < _REMEMBERED:
            self._outcomes[category, text] = stored
        return stored


def _plain_instant(text: str) -> str | None:
    """`text` as Python and PostgreSQL read it alike, in microseconds; None: not a date, time and offset."""
    if _INSTANT.fullmatch(text):
        return text
    found = _INSTANT_OTHERWISE.fullmatch(text)
    if found is None or (found[6] and found[5] in "Zz"):
        return None
    day, minute, second, fraction, offset, minutes = found.groups()
    zone = offset.upper() if offset in "Zz" else f"{offset}:{minutes or '00'}"
    return f"{day}T{minute}:{second or '00'}{f'.{fraction[:6]}' if fraction else ''}{zone}"


def _too_long(column: str) -> str:
    return told(reasons.TOO_LONG, column=column, most=LONGEST_REF)


def _unknown_company(slug: str) -> str:
    if not slug:
        return told(reasons.MISSING, column="company")
    return told(reasons.UNKNOWN_COMPANY, value=slug[:63])


def _ambiguous(column: str, text: str) -> str:
    return told(
        reasons.AMBIGUOUS,
        column=column,
        value=text,
        one=text.replace(",", "."),
        other=text.replace(",", ""),
    )


def _plain(number: float) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:g}"


def _why_no_instant(text: str) -> str:
    try:
        naive = datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        naive = False
    if naive:
        return told(reasons.NO_OFFSET, value=text)
    return told(reasons.NOT_ISO, value=text[:60])
