"""The statements of analytics that are put together from fragments (`{name}`)."""

import re

from sqlalchemy import TextClause, text

from impact_in_pipelines.analytics.answers import BINS_PER_OCTAVE, LAST_BIN, NO_BIN
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.metrics import LATENCY_BUCKETS_MS

_ROLLUP = load("analytics/rollup")
_FRAGMENT = re.compile(r"\{(\w+)\}")

_GENERATED = {
    "no_bin": str(NO_BIN),
    "last_bin": str(LAST_BIN),
    "bins": str(BINS_PER_OCTAVE),
    "histogram": "ARRAY["
    + ", ".join(f"sum(latency_ms_buckets[{n}])" for n in range(1, len(LATENCY_BUCKETS_MS) + 2))
    + "]",
}


def assembled(name: str) -> TextClause:
    """The statement `name` of rollup.sql with its fragments in place."""

    def fragment(match: re.Match[str]) -> str:
        found = _GENERATED.get(match[1]) or _ROLLUP[match[1]].text
        return _FRAGMENT.sub(fragment, found)

    return text(_FRAGMENT.sub(fragment, _ROLLUP[name].text))


def single_senders() -> list[str]:
    """The platforms whose calls have one delivery each, for `:single`; of one whose connector is gone nobody
    knows."""
    return [one.value for one in Platform if FACTS[one].batch_limit == 1]


COUNT_CALLS = assembled("count_calls")
COUNT_PLATFORMS = assembled("count_platforms")
OWN_HOURS = assembled("own_hours")
