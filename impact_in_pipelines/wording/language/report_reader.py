"""A report's reader in one of the languages: messages by gettext, figures as the language writes them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from impact_in_pipelines.sla.reports.said import ENGLISH, Figure, ReportLanguage
from impact_in_pipelines.sla.wording import instant, multiple
from impact_in_pipelines.wording.language.formats import Formats
from impact_in_pipelines.wording.language.languages import DEFAULT, Language, language


@dataclass(frozen=True)
class ReportReader:
    """Reads reports in `language`; their instants are UTC."""

    language: Language

    @property
    def code(self) -> str:
        """The language's code."""
        return self.language.code

    @property
    def _formats(self) -> Formats:
        return Formats(self.language, ZoneInfo("UTC"), datetime.now(UTC).year)

    def text(self, message: str) -> str:
        """A message in the language."""
        return self.language.text(message)

    def several(self, singular: str, plural: str, n: int) -> str:
        """The form that goes with `n`."""
        return self.language.texts.ngettext(singular, plural, n)

    def number(self, value: float, digits: int = 0) -> str:
        """With the language's separators."""
        return self._formats.number(value, digits)

    def figure(self, one: Figure) -> str:
        """As the language writes it."""
        match one.kind:
            case "ms":
                return self._formats.duration(one.value)
            case "percent":
                return self._formats.percent(one.value, 2)
            case "share":
                return self._formats.percent(one.value, 0)
            case "times":
                return multiple(one.value)
            case _:
                return instant(one.value)

    def share(self, fraction: float | None, digits: int = 2) -> str:
        """A fraction in percent."""
        return self._formats.share(fraction, digits)

    def duration(self, ms: float | None) -> str:
        """By its two largest units."""
        return self._formats.duration(ms)

    def days(self, first: datetime, last: datetime, *, with_time: bool) -> str:
        """A span of days, with the year; with the times where it isn't whole days."""
        formats = self._formats
        if with_time:
            return f"{formats.when(first)} – {formats.when(last)}"
        return formats.days(first.date(), last.date(), with_year=True)


@cache
def reader_of(code: str) -> ReportLanguage:
    """The reader of a language by its code; English for any that isn't ours."""
    found = language(code)
    return ENGLISH if found is None or code == DEFAULT else ReportReader(found)
