"""Reports as somebody has read and approved them: figures, words and drawings, to the last sign.

The reports are made from known facts by the real rules (`reports_made`). After a change that is meant,
`PYTHONPATH=tests:. python -m unit.sla.test_reports_as_approved` writes the files anew; the difference is what
is to be read.
"""

import json
from pathlib import Path

import pytest

from impact_in_pipelines.sla.reports.earlier import in_todays_form
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.reports.summary import (
    days_markdown,
    report_markdown,
    status_markdown,
    worst_markdown,
)
from impact_in_pipelines.sla.reports.tables import render_csv
from impact_in_pipelines.sla.wire import report_document, status_document

from .reports_made import ACME, assessed, bad_week, good_week, quiet_days

APPROVED = Path(__file__).parent / "approved"
EARLIER = APPROVED / "stored_before_fractions.json"


def _readable(html: str) -> str:
    """One element a line, so that a difference shows where it is."""
    return html.replace("><", ">\n<")


def outputs() -> dict[str, str]:
    """Every way in which the reports are read, by file name."""
    bad, good, quiet = bad_week(), good_week(), quiet_days()
    found = {}
    for name, report in (("bad_week", bad), ("good_week", good), ("quiet_days", quiet)):
        document = report_document(report)
        found[f"{name}.json"] = json.dumps(document, indent=1, ensure_ascii=False)
        found[f"{name}.html"] = _readable(render_html(document))
        found[f"{name}.md"] = report_markdown(
            document, command=lambda one: f"do {one['rule']}" if one["urgent"] else None
        )
    found["reports.csv"] = render_csv([report_document(one) for one in (bad, good, quiet)])
    status = assessed().status()
    found["status.json"] = json.dumps(
        status_document(status, good.facts.budget, company_id=ACME), indent=1, ensure_ascii=False
    )
    found["status.md"] = "\n\n".join(
        [
            status_markdown(status),
            worst_markdown(bad.facts.companies),
            worst_markdown([]),
            days_markdown(bad.facts.days),
        ]
    )
    earlier = in_todays_form(json.loads(EARLIER.read_text("utf-8")))
    found["earlier.json"] = json.dumps(earlier, indent=1, ensure_ascii=False)
    return found


@pytest.mark.parametrize(
    "name", [path.name for path in sorted(APPROVED.iterdir()) if path != EARLIER]
)
def test_a_report_reads_as_it_was_approved(name: str) -> None:
    """A figure, a threshold, a sentence or a line of a chart changes only when somebody means it."""
    assert outputs()[name] + "\n" == (APPROVED / name).read_text("utf-8")


def test_everything_that_is_made_was_approved() -> None:
    """No file without a report, no report without a file."""
    assert {*outputs(), EARLIER.name} == {path.name for path in APPROVED.iterdir()}


if __name__ == "__main__":
    for file, text in outputs().items():
        (APPROVED / file).write_text(text + "\n", "utf-8")
