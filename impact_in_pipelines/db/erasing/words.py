"""Taking words out of texts and JSON, where they stand as words of their own."""

import json
import re
from collections.abc import Sequence
from typing import Any

_SHORT_DIGITS = 4
_INSTANT = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?"
)
_DATED = re.compile(_INSTANT)
_PERSON_FIELD = re.compile(
    r"(participant|volunteer|mentor|mentee|employee|learner|student|person|contact|user)s?"
    r"(_?(id|key|ref|reference)s?)?",
    re.I,
)


def _says_nobody(word: str) -> bool:
    """Whether `word` in a free text would mostly be something else: a day, an hour, a count."""
    return (word.isdecimal() and len(word) < _SHORT_DIGITS) or bool(_DATED.fullmatch(word))


class Words:
    """Some texts, and what stands in their place afterwards.

    Dates and instants (ISO 8601) are never cut into. A word of fewer than four digits, or one that is a date,
    is taken only for what it is where a JSON key says that a person's reference stands there: "12" in a free
    text is an hour or a count.
    """

    def __init__(self, words: Sequence[str], instead: str) -> None:
        self.words = tuple(dict.fromkeys(words))
        self._instead = instead
        # The longest first: a name may begin with the slug.
        longest = sorted(self.words, key=len, reverse=True)
        free = "|".join(re.escape(one) for one in longest if not _says_nobody(one))
        # "p1" is no part of "p12", of "p1-b" or of "1.p1": a reference may be a short number.
        self._pattern = (
            re.compile(rf"(?<![\w-])(?:(?P<word>{free})|{_INSTANT})(?![\w-])") if free else None
        )

    @property
    def needles(self) -> list[str]:
        """Each word as it may stand in a text, and in JSON."""
        escaped = [json.dumps(one, ensure_ascii=False)[1:-1] for one in self.words]
        return list(dict.fromkeys([*self.words, *escaped]))

    def out_of(self, value: Any) -> Any:
        """`value` (a text, or JSON as Python has it) without the words; numbers stay as they are."""
        return self._out_of(value, of_person=False)

    def stand_in(self, value: Any) -> bool:
        """Whether one of the words stands in `value`, where `out_of` would take it out."""
        return bool(self.out_of(value) != value)

    def out_of_json(self, text: str | None) -> str | None:
        """As `out_of`, of JSON that is kept as text; a text that is no JSON is one all the same."""
        if text is None or not any(needle in text for needle in self.needles):
            return text
        try:
            found = json.loads(text)
        except ValueError:
            return str(self.out_of(text))
        new = self.out_of(found)
        return text if new == found else json.dumps(new, ensure_ascii=False, separators=(",", ":"))

    def _out_of(self, value: Any, *, of_person: bool) -> Any:
        match value:
            case str():
                return self._out_of_text(value, of_person=of_person)
            case list():
                return [self._out_of(one, of_person=of_person) for one in value]
            case dict():
                return {
                    self._out_of_text(key): self._out_of(
                        one, of_person=bool(_PERSON_FIELD.fullmatch(key))
                    )
                    for key, one in value.items()
                }
        return value

    def _out_of_text(self, value: str, *, of_person: bool = False) -> str:
        if of_person and value in self.words:
            return self._instead
        if self._pattern is None:
            return value
        # What is no word is an instant, and stays whole.
        return self._pattern.sub(
            lambda found: self._instead if found["word"] is not None else found[0], value
        )
