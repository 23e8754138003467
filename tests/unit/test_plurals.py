"""No text counts one of a thing as several: it used to be '1 schedules stopped' and '1 days'."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import impact_in_pipelines
from impact_in_pipelines.plurals import count

PRODUCT = Path(impact_in_pipelines.__file__).parent
NOUNS = re.compile(
    r"\s+(?:(?!(?:of|has|means|so) )[a-z-]+ )?"
    r"(?:schedule|day|row|byte|archive|link|deliverie|event|alert|connection|hour|minute|fire|run|attempt|"
    r"session|companie|head|report|correction|participant|volunteer|incident|breache|worker|partition|"
    r"asset|failure|retrie|token|channel|notice|request|stream|drain|month|week|file|span|account)s\b"
)
ALWAYS_SEVERAL = {
    # Constants, and what a person had to say more than one of.
    "alerting/outages.py": {"settings.outage_after_minutes"},
    "anomalies/saying.py": {"span"},
    "assets/exports/figures_checks.py": {"DAYS_JUDGED"},
    "assets/external.py": {"OBSERVED_DAYS"},
    "assets/reporting/analytics.py": {"DAYS"},
    "api/deliveries/call_backs.py": {"_LONGEST_BODY"},
    "api/http/requests.py": {"BODY_LIMIT"},
    "cli/deliveries/commands.py": {"_DAYS", "left_out"},
    "cli/demo/command.py": {
        "len(companies)",
        "count",
        "summary.imported",
        "summary.rejected",
        "arrived",
        "len(missed)",
    },
    "cli/schedules/load_charts.py": {"size"},
    "cli/operating/overview.py": {"found.troubled"},
    "db/deliveries/cancelling.py": {"len(ids)"},
    "delivery/draining/preparing.py": {"row.workers_lost"},
    "impact/checks.py": {"f.quality.most_hours_a_day", "f.events / f.days", "LEAST_SHARE"},
    "scheduling/due.py": {"len(groups)"},
    "scheduling/load/spread.py": {"_rate(shortfall.needed_per_minute)"},
    "scheduling/merging.py": {"len(members)"},
    "scheduling/placing.py": {"_LONGEST_CLOSURE"},
    "scheduling/preview.py": {"dropped.count"},
    "sensors/alerts.py": {"settings.outage_after_minutes"},
    "schedules/sla.py": {"period.value"},
    "sensors/companies.py": {"size"},
    "sla/reports/summary.py": {"len(days)"},
    "sla/wording.py": {"raised(ms / 1000, 86400) // 86400"},
}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 days"),
        (1, "1 day"),
        (1.0, "1 day"),
        (1.5, "1.5 days"),
        (2, "2 days"),
        (12_345, "12,345 days"),
    ],
)
def test_a_number_goes_with_its_noun(number: float, said: str) -> None:
    """One is singular, everything else plural, thousands are grouped."""
    assert count(number, "day") == said


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    """And a verb goes with it."""
    assert count(1, "delivery waits", "deliveries wait") == "1 delivery waits"
    assert count(2, "delivery waits", "deliveries wait") == "2 deliveries wait"


def test_every_number_before_a_noun_counts_by_the_helper() -> None:
    """A number filled into a text right before a plural is one of the constants above, or it is `count`'s."""
    found = [one for path in sorted(PRODUCT.rglob("*.py")) for one in _fixed_plurals(path)]
    assert found == []


def _fixed_plurals(path: Path) -> Iterator[str]:
    name = path.relative_to(PRODUCT).as_posix()
    if name.startswith(("db/migrations/", "sandbox/")):
        return
    several = ALWAYS_SEVERAL.get(name, set())
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if (
                isinstance(value, ast.FormattedValue)
                and isinstance(after, ast.Constant)
                and NOUNS.match(str(after.value))
                and ast.unparse(value.value) not in several
                and not ast.unparse(value.value).startswith("count(")
            ):
                yield f"{name}:{node.lineno}: {ast.unparse(value.value)}{after.value!s}"
