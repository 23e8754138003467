"""Sentences that a report keeps together with what they are made of, so that each reader has them in their
own language: a text is its English self (a `str`), and its clauses give it again.

A clause is a gettext message with values; a figure's value says what it is (`Figure`), for a reader to write
it as their language does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from impact_in_pipelines.sla.document import number
from impact_in_pipelines.sla.wording import duration, instant, multiple, percent, share


class Figure(NamedTuple):
    """A value and what it is: `ms` a duration, `percent` and (whole) `share` of 0 to 100, `times` a multiple,
    `at` an ISO instant."""

    kind: str
    value: Any


Value = str | int | Figure


@dataclass(frozen=True, slots=True)
class Clause:
    """One piece of a text: a message (with the form for several, and the count that chooses), its values."""

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)
    plural: str | None = None
    n: int = 1


class ReportLanguage(Protocol):
    """What a report is read in: messages, and how figures are written."""

    @property
    def code(self) -> str:
        """The language's code."""

    def __hash__(self) -> int: ...

    def text(self, message: str) -> str:
        """A message in the reader's language."""

    def several(self, singular: str, plural: str, n: int) -> str:
        """The form of a message that goes with `n`."""

    def number(self, value: float, digits: int = 0) -> str:
        """A number with the language's separators."""

    def figure(self, one: Figure) -> str:
        """A figure as the language writes it."""

    def share(self, fraction: float | None, digits: int = 2) -> str:
        """A fraction (0 to 1) in percent; a dash for None."""

    def duration(self, ms: float | None) -> str:
        """A duration; a dash for None."""

    def days(self, first: datetime, last: datetime, *, with_time: bool) -> str:
        """A span of days, both inclusive; with the times where it isn't whole days."""


class English:
    """The reader of whom nothing is known: reports are written in English."""

    code = "en"

    def text(self, message: str) -> str:
        """The message itself."""
        return message

    def several(self, singular: str, plural: str, n: int) -> str:
        """Two forms."""
        return singular if n == 1 else plural

    def number(self, value: float, digits: int = 0) -> str:
        """`1,204.5`."""
        return f"{value:,.{digits}f}"

    def figure(self, one: Figure) -> str:
        """As everywhere in English."""
        match one.kind:
            case "ms":
                return duration(one.value)
            case "percent":
                return percent(one.value)
            case "share":
                return percent(one.value, 0)
            case "times":
                return multiple(one.value)
            case _:
                return instant(one.value)

    def share(self, fraction: float | None, digits: int = 2) -> str:
        """`97.89 %`."""
        return share(fraction, digits)

    def duration(self, ms: float | None) -> str:
        """`5 min 1 s`."""
        return duration(ms)

    def days(self, first: datetime, last: datetime, *, with_time: bool) -> str:
        """`2 March to 8 March 2026`."""
        clock = " %H:%M" if with_time else ""
        return f"{first:%-d %B{clock}} to {last:%-d %B %Y{clock}}"


ENGLISH = English()


class Worded(str):
    """A text in English that knows its clauses."""

    clauses: tuple[Clause, ...] = ()


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a message for translation."""
    return text


def ngettext(singular: str, plural: str) -> tuple[str, str]:
    """Marks a message with two forms for translation."""
    return singular, plural


def clause(text: str, **values: Value) -> Clause:
    """A clause with its values."""
    return Clause(text, values)


def counted(forms: tuple[str, str], n: int, **values: Value) -> Clause:
    """A clause of the form that goes with `n`, which is its value `n` too."""
    return Clause(forms[0], {"n": n, **values}, forms[1], n)


def worded(*clauses: Clause | str) -> Worded:
    """The text of clauses, one behind the other; a string is a name or a sign, the same in every language."""
    made = tuple(
        one if isinstance(one, Clause) else Clause("%(as_is)s", {"as_is": one}) for one in clauses
    )
    text = Worded(read_by(ENGLISH, made))
    text.clauses = made
    return text


def read_by(reader: ReportLanguage, clauses: Sequence[Clause]) -> str:
    """The clauses as `reader` reads them."""
    return "".join(_read(reader, one) for one in clauses)


def _read(reader: ReportLanguage, one: Clause) -> str:
    if one.plural is not None:
        message = reader.several(one.text, one.plural, one.n)
    else:
        message = one.text if one.text == "%(as_is)s" else reader.text(one.text)
    return message % {name: _value(reader, value) for name, value in one.values.items()}


def _value(reader: ReportLanguage, value: Value) -> str:
    if isinstance(value, Figure):
        return reader.figure(value)
    return reader.number(value) if isinstance(value, int) else value


def moment(at: datetime) -> Figure:
    """An instant as a figure."""
    return Figure("at", at.isoformat())


def _kept(figure: Figure) -> list[Any]:
    value = figure.value
    return [figure.kind, number(value) if isinstance(value, float) else value]


def as_document(text: str) -> list[dict[str, Any]]:
    """The clauses of a text as a document keeps them; none for a text that has none."""
    return [
        {
            "text": one.text,
            "values": {
                name: _kept(value) if isinstance(value, Figure) else value
                for name, value in one.values.items()
            },
            **({"plural": one.plural, "n": one.n} if one.plural is not None else {}),
        }
        for one in getattr(text, "clauses", ())
    ]


def from_document(stored: Sequence[Mapping[str, Any]]) -> list[Clause]:
    """What `as_document` wrote."""
    return [
        Clause(
            one["text"],
            {
                name: Figure(*value) if isinstance(value, list) else value
                for name, value in one["values"].items()
            },
            one.get("plural"),
            one.get("n", 1),
        )
        for one in stored
    ]


def for_reader(reader: ReportLanguage, report: Mapping[str, Any]) -> dict[str, Any]:
    """The report's document with its sentences in the reader's language, without their clauses."""
    details = recommendations_for(reader, report)
    lines = [f"{one['where']}: {one['seen']} {one['action']}" for one in details]
    return {**report, "recommendationDetails": details, "recommendations": lines}


def recommendations_for(reader: ReportLanguage, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The report's recommendations in the reader's language, without their clauses; those of reports from
    before there were clauses stay as they were written."""
    return [
        {name: _told(reader, one, name) for name in one if name != "said"}
        for one in report["recommendationDetails"]
    ]


def _told(reader: ReportLanguage, one: Mapping[str, Any], name: str) -> Any:
    stored = one.get("said", {}).get(name)
    return read_by(reader, from_document(stored)) if stored else one[name]
