"""Who changed what at a company: to read and to take along."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from impact_in_pipelines.api.http.pagination import encode_cursor, instant_and_id
from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit
from impact_in_pipelines.db.access.audit import AuditFilter, AuditRow
from impact_in_pipelines.plain_text import cell

PAGE = 50
_AT_ONCE = 500
_COLUMNS = ("at", "actor", "action", "subject", "before", "after")


def routes(pages: Pages) -> list[Route]:
    """The list and the file."""
    base = "/{company_id}/audit-log"
    return [pages.route(base, audit_log, VIEW), pages.route(f"{base}.csv", as_csv, VIEW)]


def audit_log(visit: Visit) -> Response:
    """The latest changes first, as filtered."""
    wanted = _filter(visit)
    question = {"of": "cockpit-audit", "company": visit.home.id, **wanted.parameters}
    found = visit.api.audit.listed(
        [visit.home.id],
        wanted,
        limit=PAGE + 1,
        **instant_and_id(visit.query("cursor") or None, question),
    )
    asked = {"actor": wanted.actor, "action": wanted.action}
    more = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        cursor = encode_cursor({"at": last.at.isoformat(), "id": last.id}, question)
        more = visit.path("audit-log", **asked, cursor=cursor)
    return visit.render(
        "audit.html",
        found=[
            (row, _lines_of(row.before, row.after), _lines_of(row.after, row.before))
            for row in found[:PAGE]
        ],
        asked=asked,
        more=more,
    )


def as_csv(visit: Visit) -> Response:
    """Everything that fits the filters, read and sent a page at a time."""
    wanted = _filter(visit)
    saved = {"Content-Disposition": f'attachment; filename="{visit.home.slug}-audit-log.csv"'}
    return StreamingResponse(_lines(visit, wanted), media_type="text/csv", headers=saved)


def _lines(visit: Visit, wanted: AuditFilter) -> Iterator[str]:
    yield _line(_COLUMNS)
    position: dict[str, Any] = {}
    while rows := visit.api.audit.listed([visit.home.id], wanted, limit=_AT_ONCE, **position):
        yield "".join(_line(_cells(row)) for row in rows)
        position = {"before_at": rows[-1].at, "before_id": rows[-1].id}


def _cells(row: AuditRow) -> tuple[str, ...]:
    told = (row.actor, row.action, row.subject, _as_text(row.before), _as_text(row.after))
    return (row.at.isoformat(), *(cell(text) for text in told))


def _line(cells: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def _as_text(values: Any) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)


def _lines_of(values: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> list[str]:
    """What is different in `other`, or not there, a line each."""
    return [
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted((values or {}).items())
        if value is not None and (other or {}).get(name) != value
    ]


def _filter(visit: Visit) -> AuditFilter:
    return AuditFilter(actor=visit.query("actor")[:200], action=visit.query("action")[:200])
