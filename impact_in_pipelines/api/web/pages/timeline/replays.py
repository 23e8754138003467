"""Sending again: a confirmation that says what would happen, the replay itself, how it goes."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import ApiProblem, not_found
from impact_in_pipelines.api.web.language.words import ACTIONS, STATUSES, Sign
from impact_in_pipelines.api.web.pages.timeline.rows import CANCELLABLE, OPEN
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.db.access.answers import HeldKey, IdempotencyStore, KeptAnswer
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.services.deliveries.previewing import (
    Action,
    PreviewItem,
    ReplayComparison,
    compared,
    preview_replay,
)
from impact_in_pipelines.services.deliveries.replaying import (
    MOST,
    failed_lately,
    replay,
    would_renew,
)
from impact_in_pipelines.wording.marking import N_

_SHOWN = 50
_DIFFERENCES_SHOWN = 12
_WAIT_S, _WAITS = 0.1, 100
_WORD = N_("again")
"""Has to be typed before anything that has arrived is sent a second time."""


def routes(pages: Pages) -> list[Route]:
    """Confirmation, replay and progress."""
    base = "/{company_id}/replays"
    return [
        pages.route(f"{base}/new", confirm, MANAGE),
        pages.route(base, send_again, MANAGE, method="POST"),
        pages.route(f"{base}/{{replay_id}}", progress, VIEW),
    ]


@dataclass(frozen=True)
class Line:
    """One delivery of a confirmation: what would become of it, and why; `changes` are where it differs from
    what had arrived (`accepted_at`; None: nothing had), `more` counts those that are left out."""

    id: UUID
    platform: str
    period: str
    sign: Sign
    reason: str | None
    changed: bool | None
    accepted_at: datetime | None
    changes: Sequence[tuple[str, str, str]]
    more: int


def confirm(visit: Visit) -> Response:
    """What a replay would do: of the deliveries named by `id`, or of all that failed (`all=failed`)."""
    ids, cut = _asked(visit)
    if not ids:
        return _rendered(visit, "parts/confirm_nothing.html")
    return _confirmation(visit, ids, cut=cut, force=visit.query("force") == "1")


def _confirmation(
    visit: Visit,
    ids: Sequence[UUID],
    *,
    force: bool,
    cut: bool = False,
    problem: str | None = None,
) -> Response:
    """The question; `problem` says what was wrong with the word that was typed."""
    preview = preview_replay(visit.api.runtime, ids, company_ids=[visit.home.id], force=force)
    counts = Counter(item.action for item in preview.items)
    shown = preview.items[:_SHOWN]
    known = compared(visit.api.runtime, shown)
    return _rendered(
        visit,
        "parts/confirm.html",
        ids=ids,
        cut=cut,
        force=force,
        request_id=uuid4(),
        sending=counts[Action.SEND_AGAIN] + counts[Action.NEW_DELIVERY],
        anew=counts[Action.NEW_DELIVERY],
        word=visit.text(_WORD),
        problem=problem,
        skipped=counts[Action.SKIP],
        refused=counts[Action.REFUSE],
        seconds=preview.estimated_seconds,
        lines=[_line(visit, item, known[item.id]) for item in shown],
        hidden=max(0, len(preview.items) - _SHOWN),
        force_url=_force_url(visit, ids),
        forceable=not force and any(item.forceable for item in preview.items),
    )


def _as_json(value: Any) -> str:
    """A part of a payload as the platform reads it; a dash for what isn't there."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def send_again(visit: Visit) -> Response:
    """Queue the deliveries of a confirmation. The same confirmation sent twice replays once: the second
    time it leads to where the first one did."""
    request_id = uuid_of(visit.field("request"), "replay")
    ids = sorted({uuid_of(text, "delivery") for text in visit.fields("id")})[:MOST]
    force = visit.field("force") == "1"
    if not ids:
        raise ApiProblem(422, visit.text(N_("Choose at least one delivery.")))
    renew = visit.field("word").casefold() == visit.text(_WORD).casefold()
    if not renew and would_renew(visit.api.runtime, ids, [visit.home.id], force=force):
        problem = visit.text(N_("Type the word exactly, or leave out what has arrived."))
        return _confirmation(visit, ids, force=force, problem=problem)
    assert visit.session is not None
    scope = hashlib.sha256(f"cockpit {visit.session.subject} {visit.home.id}".encode()).hexdigest()
    digest = hashlib.sha256(f"{force} {ids}".encode()).hexdigest()
    store, key = visit.api.idempotency, f"replay {request_id}"
    kept = _first_answer(store, scope, key, digest, visit)
    if kept is not None:
        return visit.go(kept)
    try:
        address = _replay(visit, ids, force=force, renew=renew)
    except BaseException:
        store.forget(scope, key)
        raise
    store.keep(scope, key, KeptAnswer(303, {"location": address}, b""))
    return visit.go(address)


def _first_answer(
    store: IdempotencyStore, scope: str, key: str, digest: str, visit: Visit
) -> str | None:
    """Where an earlier click of the same button led, once it is known; None: this is the first one."""
    for _ in range(_WAITS):
        held = store.begin(scope, key, digest, visit.now)
        if isinstance(held, KeptAnswer):
            return held.headers["location"]
        if held is HeldKey.OURS:
            return None
        if held is HeldKey.BY_ANOTHER_REQUEST:
            break
        time.sleep(_WAIT_S)
    raise ApiProblem(
        409, visit.text(N_("This confirmation has been used. Start the replay again."))
    )


def _replay(visit: Visit, ids: Sequence[UUID], *, force: bool, renew: bool) -> str:
    """Replay and have it sent; returns the address of its progress."""
    assert visit.session is not None
    done = replay(
        visit.api.runtime,
        ids,
        actor=visit.session.subject,
        company_ids=[visit.home.id],
        force=force,
        renew=renew,
        drains=visit.api.dagster,
    )
    refused = len(done.refused)
    if done.request_id is None:
        return visit.path("replays", "none", refused=refused)
    return visit.path("replays", done.request_id, refused=refused or None)


def progress(visit: Visit) -> Response:
    """How a replay goes."""
    refused = visit.query("refused")
    not_queued = int(refused) if refused.isdecimal() and len(refused) < 5 else 0
    text = visit.request.path_params["replay_id"]
    if text == "none":
        return _rendered(visit, "parts/replay_none.html", refused=not_queued)
    found = visit.api.deliveries.replay_request(uuid_of(text, "replay"), [visit.home.id])
    if found is None:
        raise not_found("replay")
    states = [_state(visit, row) for row in found.states]
    counts = Counter(one["status"] for one in states)
    ended = sum(n for status, n in counts.items() if status not in OPEN)
    return _rendered(
        visit,
        "parts/progress.html",
        replay=found,
        states=states[:_SHOWN],
        hidden=max(0, len(states) - _SHOWN),
        counts=[(STATUSES[status], counts[status]) for status in STATUSES if counts[status]],
        total=len(states),
        ended=ended,
        arrived=counts["success"],
        waiting=sum(one["waits"] for one in states) if visit.may_manage else 0,
        done=ended == len(states),
        refused=not_queued,
    )


def _rendered(visit: Visit, part: str, **values: Any) -> Response:
    """The part alone for a script, else within a page of its own."""
    if visit.is_fragment:
        return visit.render(part, **values)
    return visit.render("replay.html", part=part, **values)


def _asked(visit: Visit) -> tuple[list[UUID], bool]:
    """The deliveries that are meant, and whether there are more than may be replayed at once."""
    if visit.query("all") == "failed":
        ids = list(failed_lately(visit.api.runtime, company_id=visit.home.id).ids)
    else:
        texts = visit.request.query_params.getlist("id")
        ids = list(dict.fromkeys(uuid_of(text, "delivery") for text in texts))
    return ids[:MOST], len(ids) > MOST


def _line(visit: Visit, item: PreviewItem, known: ReplayComparison) -> Line:
    changes = known.differences
    return Line(
        item.id,
        item.platform.value,
        visit.formats.days(item.period_start, item.period_end),
        ACTIONS[item.action.value],
        str(sanitised(visit.told(item.refusal))) if item.refusal else None,
        item.changed,
        known.accepted.delivered_at if known.accepted else None,
        [
            (one.path, _as_json(one.before), _as_json(one.after))
            for one in changes[:_DIFFERENCES_SHOWN]
        ],
        max(0, len(changes) - _DIFFERENCES_SHOWN),
    )


def _force_url(visit: Visit, ids: Sequence[UUID]) -> str:
    """The same confirmation, with what has arrived sent all the same."""
    if visit.query("all") == "failed":
        return visit.path("replays", "new", all="failed", force=1)
    chosen = "".join(f"&id={id_}" for id_ in ids)
    return visit.path("replays", "new", force=1) + chosen


def _state(visit: Visit, row: Any) -> dict[str, Any]:
    error = row["last_error"] if row["status"] in ("failed", "retrying") else None
    return {
        "id": row["id"],
        "platform": row["platform"],
        "period": visit.formats.days(row["period_start"], row["period_end"]),
        "waits": row["status"] in CANCELLABLE,
        "status": row["status"],
        "sign": STATUSES[row["status"]],
        "error": visit.failure(row["error_kind"], error),
    }
