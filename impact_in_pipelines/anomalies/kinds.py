"""The kinds of anomalies, apart from the arithmetic: who only words one needs no numpy."""

from enum import StrEnum


class AnomalyKind(StrEnum):
    """Which series left its past."""

    SUCCESS = "success"
    """Deliveries that did not arrive, of those that were due."""
    VOLUME = "volume"
    """Deliveries due a day."""
    ANSWERS = "answers"
    """How long the platform takes to answer a call: a day's median, of one company its mean."""
    FIGURES = "figures"
    """What a company's events of the day add up to."""


class Measure(StrEnum):
    """What is counted of the figures of a day."""

    EVENTS = "events"
    HOURS = "hours"
