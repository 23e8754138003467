"""Taking words out of texts and JSON, where they stand as words of their own."""

import json
import re
from collections.abc import Sequence
from typing import Any


class Words:
    """Some texts, and what stands in their place afterwards."""

    def __init__(self, words: Sequence[str], instead: str) -> None:
        self.words = tuple(dict.fromkeys(words))
        self._instead = instead
        # The longest first: a name may begin with the slug.
        choices = "|".join(re.escape(one) for one in sorted(self.words, key=len, reverse=True))
        # "p1" is no part of "p12", of "p1-b" or of "1.p1": a reference may be a short number.
        self._pattern = re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])")

    @property
    def needles(self) -> list[str]:
        """Each word as it may stand in a text, and in JSON."""
        escaped = [json.dumps(one, ensure_ascii=False)[1:-1] for one in self.words]
        return list(dict.fromkeys([*self.words, *escaped]))

    def out_of(self, value: Any) -> Any:
        """`value` (a text, or JSON as Python has it) without the words; numbers stay as they are."""
        match value:
            case str():
                return self._pattern.sub(self._instead, value)
            case list():
                return [self.out_of(one) for one in value]
            case dict():
                return {self.out_of(key): self.out_of(one) for key, one in value.items()}
        return value

    def out_of_json(self, text: str | None) -> str | None:
        """As `out_of`, of JSON that is kept as text; a text that is no JSON is one all the same."""
        if text is None or not any(needle in text for needle in self.needles):
            return text
        try:
            found = json.loads(text)
        except ValueError:
            return str(self.out_of(text))
        return json.dumps(self.out_of(found), ensure_ascii=False, separators=(",", ":"))
