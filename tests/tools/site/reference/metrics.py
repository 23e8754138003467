"""What `/metrics` exposes: read from the calls that make the families, since a scrape needs a database."""

import ast
from collections.abc import Mapping
from pathlib import Path

from impact_in_pipelines.api.operations import metrics
from tools.site.reference.text import anchored, cell, document, table

_SAID = (
    "The API exposes these at `/metrics`, in Prometheus' format and without a token; let only Prometheus reach it. "
    "`deploy/prometheus/` has rules that alert on them, `deploy/grafana/` a dashboard. The label `company` exists only with "
    "`IMPACT_IN_METRICS_COMPANY_LABEL=true`. What to watch: [monitoring](../operations.md#monitoring)."
)
_KINDS = {
    "Counter": "counter",
    "CounterMetricFamily": "counter",
    "GaugeMetricFamily": "gauge",
    "_by_platform": "gauge",
    "Histogram": "histogram",
    "HistogramMetricFamily": "histogram",
    "_histogram": "histogram",
}
_BY_PLATFORM = ("_by_platform", "_histogram")


def page() -> str:
    rows = []
    source = ast.parse(Path(metrics.__file__).read_text())
    lists = {
        one.targets[0].id: one.value
        for one in ast.walk(source)
        if isinstance(one, ast.Assign)
        and isinstance(one.targets[0], ast.Name)
        and isinstance(one.value, ast.List)
    }
    for node in ast.walk(source):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        words = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
        kind = _KINDS.get(node.func.id)
        if kind and len(words) == 2:
            name = str(words[0]) + ("_total" if kind == "counter" else "")
            rows.append([anchored(name), kind, _labels(node, lists), cell(words[1])])
    return document(
        "Metrics",
        _SAID,
        '<div class="stacked metrics" markdown>',
        table(["metric", "kind", "labels", "meaning"], sorted(rows)),
        "</div>",
        wide=True,
    )


def _labels(node: ast.Call, lists: Mapping[str, ast.expr]) -> str:
    """The names in the list of labels, which may have a name itself; those of a helper are the platform."""
    if isinstance(node.func, ast.Name) and node.func.id in _BY_PLATFORM:
        return "`platform`"
    given = [one.value for one in node.keywords if one.arg == "labels"] + node.args[2:3]
    names = [
        str(one.value)
        for holder in given
        for one in ast.walk(lists[holder.id] if isinstance(holder, ast.Name) else holder)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    return ", ".join(f"`{name}`" for name in names if name) or "none"
