"""An anomaly in the cockpit: its evidence as a chart."""

import json
from typing import Any

from playwright.sync_api import expect

from .conftest import Visit
from .serving import Stage

_QUIET = [
    {"kind": "answers", "measure": None, "direction": 1, "day": "2026-03-10", "span": 4}
    | {"score": 6.1, "threshold": 3.7, "observed": 431.0, "expected": 203.0}
    | {"days": [*([200.0, 210.0, 190.0, 205.0] * 6), 380.0, 420.0, 450.0, 480.0]}
    | {"usual": [203.0] * 28},
]


def _write(stage: Stage) -> None:
    details: dict[str, Any] = {"what": ["answers"], "anomalies": _QUIET}
    stage.world.execute(
        """INSERT INTO incidents (company_id, platform, type, severity, threshold, actual, sample_size,
               details, opened_at)
           VALUES (:company, 'benevity', 'anomaly', 'warning', 3.7, 6.1, 4,
                   CAST(:details AS jsonb), now())""",
        company=stage.seeded.troubled,
        details=json.dumps(details),
    )


def test_an_anomaly_shows_its_last_weeks(own_stage: Stage, visit: Visit) -> None:
    """What was, what was expected, and since when: for whoever sees the chart and whoever doesn't."""
    _write(own_stage)
    visitor = visit(own_stage)
    page = visitor.open("incidents")
    page.get_by_role("link", name="Unusual figures · Benevity").click()

    figure = page.locator("figure")
    expect(figure.get_by_role("heading")).to_have_text("How long the platform takes to answer")
    expect(figure.locator("svg circle")).to_have_count(4)
    expect(figure.locator("figcaption")).to_contain_text("431 ms since")
    assert visitor.faults() == []
    page.goto(page.url.replace("/en/", "/nb/"))
    expect(page.locator("h1")).to_contain_text("Uvanlige tall")
