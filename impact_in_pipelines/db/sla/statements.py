"""The statements of the SLA that are put together from the fragments of counting.sql (`{name}`): one
definition of what is counted, used by windows, the rollup, burn rates and the search for `since`."""

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import TextClause, text

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.sla.everybody import outcomes
from impact_in_pipelines.sla.metrics import COUNTERS, LATENCY_BUCKETS_MS

_SQL = {
    name: statement
    for subject in ("counting", "statuses", "rollup", "reports", "outcomes")
    for name, statement in load(f"sla/{subject}").items()
}
_NAMES = ", ".join(f"'{name}'" for name in outcomes.PLATFORMS)
_EVERYWHERE = {"installed": f"CAST(ARRAY[{_NAMES}] AS text[])"}
_FRAGMENT = re.compile(r"\{(\w+)\}")


def _assembled(name: str, **generated: str) -> TextClause:
    """The statement `name` with its fragments, which may name others, in place."""

    def fragment(match: re.Match[str]) -> str:
        found = generated.get(match[1]) or _EVERYWHERE.get(match[1]) or _SQL[match[1]].text
        return _FRAGMENT.sub(fragment, found)

    return text(_FRAGMENT.sub(fragment, _SQL[name].text))


def _buckets() -> str:
    """The latency histogram as an array of counts: one for each bound, and one above the last."""
    counts = [f"latency_ms <= {LATENCY_BUCKETS_MS[0]}"]
    counts += [
        f"latency_ms > {low} AND latency_ms <= {high}" for low, high in pairwise(LATENCY_BUCKETS_MS)
    ]
    counts.append(f"latency_ms > {LATENCY_BUCKETS_MS[-1]}")
    return "ARRAY[" + ", ".join(f"count(*) FILTER (WHERE {one})" for one in counts) + "]"


def _sums() -> str:
    functions = {name: "max" if name.endswith("_max") else "sum" for name in COUNTERS}
    return ", ".join(f"{function}({name}) AS {name}" for name, function in functions.items())


def _histogram() -> str:
    slots = range(1, len(LATENCY_BUCKETS_MS) + 2)
    return "ARRAY[" + ", ".join(f"sum(latency_ms_buckets[{n}])" for n in slots) + "]"


def _ends(windows: Sequence[timedelta]) -> str:
    within = [
        f"settled_at > CAST(:now AS timestamptz) - interval '{int(span.total_seconds())} s'"
        for span in windows
    ]
    return ", ".join(
        f"count(*) FILTER (WHERE {inside}) AS due_{n}, "
        f"count(*) FILTER (WHERE fate <> 'successful' AND {inside}) AS errors_{n}, "
        f"min(settled_at) FILTER (WHERE fate <> 'successful' AND {inside}) AS since_{n}"
        for n, inside in enumerate(within)
    )


def _numbered(column: str, values: Sequence[str], step: int = 1) -> str:
    """The place of `column` in `values`, times `step`."""
    cases = " ".join(f"WHEN '{value}' THEN {n * step}" for n, value in enumerate(values))
    return f"CASE {column} {cases} END"


_RECORD = {
    "platform_number": _numbered("s.platform", outcomes.PLATFORMS),
    "fate_number": _numbered("s.fate", outcomes.FATES, 2**outcomes.FATE_SHIFT),
    "recovered_bit": str(outcomes.RECOVERED_BIT),
    "timed_bit": str(outcomes.TIMED_BIT),
    "record_bytes": str(outcomes.RECORD.itemsize),
}


MEASURE = _assembled("measure")
MEASURE_UNSTARTED = _assembled("measure", started=_SQL["not_asked_when_started"].text)
STREAKS = _SQL["streaks"]
ROLL_UP = _assembled("roll_up", names=", ".join(COUNTERS), buckets=_buckets())
SINCE_WHEN = _assembled("since_when")
SUMMED_DAYS = _assembled("summed_days", sums=_sums(), histogram=_histogram())
TRENDS = _assembled("trends", sums=_sums(), histogram=_histogram())
DAY_COUNTS = _assembled("day_counts", buckets=_buckets())
LOG_TRENDS = _assembled(
    "log_trends", started=_SQL["not_asked_when_started"].text, buckets=_buckets()
)
CAUSES = _assembled("causes")
CAUSES_AT = _assembled("causes", fates=_SQL["fates_at"].text.replace("{fates}", _SQL["fates"].text))
CROWDED = _assembled("crowded")
READ_UNPACKED = _assembled("read_unpacked", **_RECORD)
READ_PACKED = _assembled("read_packed", **_RECORD)
PACK = _assembled("pack", to_pack="{settled}", **_RECORD)
PACK_CELLS = _assembled("pack", to_pack="{settled_of_cells}", **_RECORD)


def ends_within(windows: Sequence[timedelta]) -> TextClause:
    """`ends_within` of statuses.sql for `windows`: columns `due_N`, `errors_N` and `since_N` for the N-th."""
    return _assembled("ends_within", ends=_ends(windows))
