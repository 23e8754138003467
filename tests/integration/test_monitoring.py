"""What `deploy/` gives Prometheus and Grafana reads metrics that the API has, and names runbook entries."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from factories import copied_database, world_on
from sqlalchemy import URL

from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import SETTINGS, served

DEPLOY = Path(__file__).parents[2] / "deploy"
RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"
DASHBOARD = json.loads((DEPLOY / "grafana/impact-in.json").read_text())
GROUPS = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"]]
CASES = yaml.safe_load((DEPLOY / "prometheus/alerts.test.yml").read_text())["tests"]
_VARIABLES = {"$__rate_interval": "5m", "$platform": "benevity"}
QUERIES = {
    **{
        f"panel: {panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    },
    **{f"alert: {rule['alert']}": rule["expr"] for rule in ALERTS},
}
OF_PROMETHEUS = {"up": {"job", "instance"}}


def selectors(query: str) -> list[tuple[str, set[str]]]:
    """Each metric that a query reads, with the labels it chooses by. Raises `ValueError` for bad PromQL."""
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    found: list[tuple[str, set[str]]] = []

    def visit(expression: Any) -> bool:
        if isinstance(expression, promql_parser.VectorSelector):
            chosen = {matcher.name for matcher in expression.matchers.matchers}
            found.append((str(expression.name), chosen))
        if isinstance(expression, promql_parser.MatrixSelector):
            visit(expression.vector_selector)
        return True

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


def chosen(query: str) -> list[tuple[str, Callable[[dict[str, str]], bool]]]:
    """Each metric that a query reads, and whether its matchers take a sample with these labels."""
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    # As PromQL writes them; the parser doesn't give their operators.
    found = re.findall(r"(impact_in_\w+)(?:{(.*?)})?", query)

    def takes(matchers: str) -> Callable[[dict[str, str]], bool]:
        parts = re.findall(r'(\w+)(=~|!=|=)"(.*?)"', matchers)
        return lambda labels: all(
            {
                "=": labels.get(label) == value,
                "!=": labels.get(label) != value,
                "=~": re.fullmatch(value, labels.get(label, "")) is not None,
            }[sign]
            for label, sign, value in parts
        )

    return [(name, takes(matchers)) for name, matchers in found]


@pytest.fixture(scope="module")
def text(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> str:
    """What /metrics says of a real database, before anything has happened to the API itself."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, **SETTINGS) as world,
        served(world) as api,
    ):
        world.clock.advance(timedelta(minutes=1))
        return api.call("GET", "/metrics", token=None).text


@pytest.fixture(scope="module")
def told(text: str) -> dict[str, set[str]]:
    """The labels of each sample that /metrics gives, by its name."""
    samples: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        samples.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return samples


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_every_query_reads_metrics_and_labels_that_exist(
    query: str, told: dict[str, set[str]]
) -> None:
    """A renamed metric would otherwise be an empty graph and an alert that never fires."""
    known = told | OF_PROMETHEUS
    read = selectors(query)

    assert read
    for name, labels in read:
        assert name in known
        assert labels <= known[name]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_every_query_chooses_by_values_that_exist(query: str, text: str) -> None:
    """`state="outrage"` is as empty as a metric that doesn't exist."""
    for name, wanted in chosen(query):
        if name not in OF_PROMETHEUS:
            lines = re.findall(rf"^{name}(?:{{(.*)}})? ", text, re.MULTILINE)
            assert any(wanted(dict(re.findall(r'(\w+)="(.*?)"', line))) for line in lines), name


def test_the_cases_of_the_alerts_give_metrics_that_exist(told: dict[str, set[str]]) -> None:
    """Otherwise a case of `alerts.test.yml` shows what a rule does with series that nobody has."""
    for case in CASES:
        for series in case["input_series"]:
            ((name, labels),) = re.findall(r"^(\w+){(.*)}$", series["series"])
            assert set(re.findall(r"(\w+)=", labels)) <= (told | OF_PROMETHEUS)[name]


def test_the_apis_own_counters_are_there_before_their_first_event(text: str) -> None:
    """`increase()` doesn't see the first error of a series that begins with it."""
    requests = re.findall(
        r'^impact_in_api_requests_total{method="(\w+)",route="(.*?)",status="(\d+)"} (.+)$',
        text,
        re.MULTILINE,
    )
    statuses: dict[tuple[str, str], set[str]] = {}
    for method, route, status, _ in requests:
        statuses.setdefault((method, route), set()).add(status)
    assert len(statuses) > 40
    assert all({"422", "429", "500", "503"} <= found for found in statuses.values())
    assert {count for *_, count in requests} == {"0.0"}
    assert 'impact_in_api_request_seconds_count{route="/v1/impact-in/deliveries"} 0.0' in text


def test_every_metric_is_on_the_dashboard(told: dict[str, set[str]]) -> None:
    """What nobody looks at need not be measured."""
    text = json.dumps(DASHBOARD)
    parts = re.compile("_(bucket|count|sum|created)$")
    ours = {parts.sub("", name) for name in told if name.startswith("impact_in_")}

    assert [name for name in sorted(ours) if name not in text] == []


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_every_alert_says_what_how_bad_and_where_to_read_on(rule: dict[str, Any]) -> None:
    """The runbook entry is a heading that exists."""
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}

    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] in anchors
    assert re.fullmatch(r"\d+[mh]", rule["for"])


def test_panels_do_not_overlap_and_fill_the_width() -> None:
    """Grafana's grid is 24 wide."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        taken |= cells

    assert len(taken) == 24 * (1 + max(y for _, y in taken))
