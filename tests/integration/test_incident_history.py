"""An incident's history: opened, notices, who is on it, notes, closed; seen by those whom it concerns."""

from datetime import timedelta

from .api_harness import MANAGER, Served


def test_the_history_has_everything_in_its_order(api: Served) -> None:
    """Notes and notices stand between the beginning and the end, with author and channel."""
    path = f"/incidents/{api.own.incident}"
    assert api.post(f"{path}/notes", {"text": "  The key was renewed.\nWaiting for them. "}).ok
    api.world.clock.advance(timedelta(minutes=1))
    assert api.post(f"{path}/acknowledge").status_code == 200
    api.world.clock.advance(timedelta(minutes=1))
    api.world.execute(
        "INSERT INTO notifications (key, incident_id, channel, kind, body, sent_at) VALUES "
        "('a', :id, 'slack', 'reminded', '{}', :at), ('b', :id, 'slack', 'raised', '{}', NULL)",
        id=api.own.incident,
        at=api.world.clock(),
    )
    api.world.execute(
        "UPDATE incidents SET closed_at = :at WHERE id = :id",
        at=api.world.clock() + timedelta(minutes=1),
        id=api.own.incident,
    )
    assert api.post(f"{path}/notes", {"text": "It was the firewall."}).status_code == 201
    found = api.get(path)
    assert found["incident"]["acknowledgedBy"] == "ingrid"
    told = [(one["kind"], one["by"], one["text"]) for one in found["history"]]
    assert told[:3] == [
        ("opened", None, None),
        ("note", "ingrid", "The key was renewed.\nWaiting for them."),
        ("acknowledged", "ingrid", None),
    ]
    assert sorted(kind for kind, _, _ in told[3:]) == ["closed", "note", "notice"]
    (notice,) = [one for one in found["history"] if one["kind"] == "notice"]
    assert (notice["notice"], notice["channel"]) == ("reminded", "slack")
    audited = api.world.scalars(
        "SELECT after ->> 'note' FROM audit_log WHERE action = 'incident.note' AND actor = 'ingrid'"
    )
    assert "It was the firewall." in audited


def test_what_is_no_note_is_refused_at_its_field(api: Served) -> None:
    """Blank, or longer than anybody reads."""
    for text in ("   ", "x" * 2_001):
        answer = api.post(f"/incidents/{api.own.incident}/notes", {"text": text})
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json()["errors"]] == ["text"]


def test_another_companys_incident_is_none(api: Served) -> None:
    """Neither read nor noted on."""
    path = f"/incidents/{api.other.incident}"
    assert api.call("GET", path).status_code == 404
    assert api.post(f"{path}/notes", {"text": "hello"}).status_code == 404


def test_notes_on_a_platforms_incident_are_the_operators(api: Served) -> None:
    """They may name any company: whoever may not see all of them reads the rest of the history only."""
    (id_,) = api.world.scalars(
        "INSERT INTO incidents (platform, type, severity, threshold, actual, opened_at) VALUES "
        "('workday', 'platform_outage', 'critical', 5, 9, :now) RETURNING id",
        now=api.world.clock(),
    )
    operator = api.token(MANAGER, ["*"])
    made = api.post(f"/incidents/{id_}/notes", {"text": "acme is the worst"}, token=operator)
    assert made.status_code == 201, made.text
    assert api.post(f"/incidents/{id_}/notes", {"text": "me too"}).status_code == 404
    assert [one["kind"] for one in api.get(f"/incidents/{id_}")["history"]] == ["opened"]
    seen = api.call("GET", f"/incidents/{id_}", token=operator).json()
    assert [one["text"] for one in seen["history"]] == [None, "acme is the worst"]


def test_a_dropped_incident_takes_its_notes_along(api: Served) -> None:
    """What nobody can reach any more is not kept."""
    assert api.post(f"/incidents/{api.own.incident}/notes", {"text": "noted"}).status_code == 201
    at = api.world.clock()
    api.world.execute("UPDATE incidents SET closed_at = :at", at=at)
    api.world.runtime.incidents.purge(closed_before=at + timedelta(days=1))
    assert api.world.scalars("SELECT count(*) FROM incident_notes") == [0]
