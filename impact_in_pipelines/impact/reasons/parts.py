"""A kept reason taken apart again: which sentences it is made of, and their parameters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from impact_in_pipelines.impact.reasons.sentences import ALL, BETWEEN

_PARAMETER = re.compile(r"%\\\((\w+)\\\)s")
_FORMS = {"column": r"\w+", "value": ".*?", "one": ".*?", "other": ".*?", "category": ".*?"}
"""What stands in the file may be anything; the rest are numbers."""
_NUMBERS = r"[^;]+?"
OF_THE_FILE = ("value", "one", "other")
"""Parameters that hold what stands in the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence with its parameters; `sentence` None: `text` is none that is known."""

    sentence: str | None
    parameters: Mapping[str, str]
    text: str

    def without_values(self, mask: str) -> str:
        """The text with what stands in the file replaced."""
        if self.sentence is None:
            return mask
        hidden = dict.fromkeys(OF_THE_FILE, mask)
        return self.sentence % {
            name: hidden.get(name, value) for name, value in self.parameters.items()
        }


def _pattern(sentence: str) -> re.Pattern[str]:
    literal = re.escape(sentence)
    named = _PARAMETER.sub(
        lambda found: f"(?P<{found[1]}>{_FORMS.get(found[1], _NUMBERS)})", literal
    )
    return re.compile(rf"{named}(?={re.escape(BETWEEN)}|\Z)", re.S)


_PATTERNS = [(sentence, _pattern(sentence)) for sentence in ALL]


@lru_cache(maxsize=1024)
def parts_of(reason: str) -> Sequence[Part]:
    """The sentences of a reason in order. What is none of ours runs up to the end."""
    found: list[Part] = []
    at = 0
    while at < len(reason):
        for sentence, pattern in _PATTERNS:
            if match := pattern.match(reason, at):
                found.append(Part(sentence, match.groupdict(), match[0]))
                at = match.end() + len(BETWEEN)
                break
        else:
            found.append(Part(None, {}, reason[at:]))
            break
    return tuple(found)
