"""Doors (commands, routes, pages, Dagster's rooms) write through use cases only."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "impact_in_pipelines"
DOORS = ("cli", "api", "assets", "schedules", "sensors")
READS = {
    # Notes that the token was used, which is what a read of it is.
    "api_tokens": {"find"},
    "closures": {"in_force", "overview"},
    # The API's own memory of companies has the same name: it forgets one, and says whom it knows.
    "companies": {
        *("active_slugs", "by_slug", "find", "forget", "get", "has", "listed", "page", "recent"),
    },
    "connections": {"listed", "of_companies"},
    "impact": {"content_version", "daily_figures"},
    "incidents": {"find", "health", "listed", "page"},
    "maintenance": {"find", "listed"},
    "outbox": {"backlog"},
    "processes": {"seen"},
    "remaining": {"of"},
    "schedules": {"listed", "load_entries", "page", "recent", "stats", "version"},
    "selections": {"open_of_run", "outcome_of_run", "waiting_of_run"},
    "sessions": {"find"},
    "sla": {"current", "error_budgets", "get_sla_status", "standing", "standings"},
    "sla_rollup": {"days_of_all", "stale_days", "summed"},
    "sla_thresholds": {"book"},
    "vault": {"decrypt_json", "encrypt_json"},
}
"""What a door may ask a store of the runtime for: nothing here changes a row."""


def stores() -> set[str]:
    """The names under which the runtime hands out stores."""
    source = (PACKAGE / "runtime.py").read_text()
    return set(re.findall(r"@cached_property\n    def (\w+)", source)) - {"database", "payloads"}


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """(store, method) of each call on a store in a file."""
    known = stores()
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Attribute)
            and node.func.value.attr in known
        ):
            yield node.func.value.attr, node.func.attr


@pytest.mark.parametrize("door", DOORS)
def test_a_door_asks_stores_for_nothing_but_reads(door: str) -> None:
    """What writes is a use case: it is audited, and checked, once for every door."""
    writes = [
        f"{path.relative_to(PACKAGE)}: {store}.{method}"
        for path in sorted((PACKAGE / door).rglob("*.py"))
        for store, method in calls(path)
        if method not in READS.get(store, ())
    ]
    assert writes == []


def test_the_list_of_reads_names_stores_that_exist() -> None:
    """A store that is gone needs no rule."""
    assert set(READS) <= stores()
