"""A person whose reference is a short number: erased where references stand, and nothing else is touched."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from factories import World, world_on
from sqlalchemy import event, text

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.accounts import lives

from .filling import Filling


@pytest.fixture
def world(database: Database, sandbox: Sandbox) -> Iterator[World]:
    with world_on(database.url, sandbox) as made:
        yield made


def _run(world: World, statement: str, **values: object) -> None:
    with world.database.engine.begin() as connection:
        connection.execute(text(statement), values)


def _filled(world: World, slug: str, reference: str) -> UUID:
    made = world.runtime.companies.add(slug, name=slug.title())
    with world.database.engine.begin() as connection:
        Filling(made.id, slug, slug.title(), reference).fill(connection, own=True)
    return made.id


DATA = {"scheduledFor": "2026-03-09T12:30:00", "day": "2026-12-30", "participant_ref": "12"}


def test_schedules_and_instants_stay_as_they_are(world: World) -> None:
    """Else an erasure would stop the company's deliveries, or have them arrive at another hour."""
    id_ = _filled(world, "short", "12")
    _run(world, "UPDATE scheduled_deliveries SET schedule = '0 12 * * *'")
    _run(world, "UPDATE notice_messages SET data = CAST(:data AS jsonb)", data=json.dumps(DATA))
    _run(
        world, "UPDATE platform_connections SET organization_id = '12', base_url = 'https://a.b/12'"
    )
    _run(world, "UPDATE impact_deliveries SET transaction_id = '12', last_error = 'after 12 s'")
    company = world.runtime.companies.find(str(id_))
    lives.erase_participant(world.runtime, company, "12", actor="ops")
    assert world.scalars("SELECT schedule FROM scheduled_deliveries") == ["0 12 * * *"]
    assert world.scalars("SELECT data FROM notice_messages") == [
        DATA | {"participant_ref": "[erased]"}
    ]
    assert world.rows("SELECT organization_id, base_url FROM platform_connections") == [
        {"organization_id": "12", "base_url": "https://a.b/12"}
    ]
    assert world.rows("SELECT transaction_id, last_error FROM impact_deliveries") == [
        {"transaction_id": "12", "last_error": "after 12 s"}
    ]
    [kept] = world.scalars("SELECT participant_ref FROM impact_events")
    assert kept.startswith("erased-")


def test_no_row_of_another_company_changes(world: World) -> None:
    """References are each company's own: another's incidents, notices and sign-ins are not looked at."""
    id_ = world.runtime.companies.add("one", name="One").id
    _filled(world, "other", "p-4711")
    # Whose a kept answer is can't be told (docs/operations.md).
    left_out = {"audit_log", "idempotency_keys", "erased_references", "event_uploads"}
    tables = [one.name for one in metadata.sorted_tables if one.name not in left_out]

    def everything() -> dict[str, list[str]]:
        return {
            name: world.scalars(f"SELECT CAST(to_jsonb(t) AS text) one FROM {name} t ORDER BY one")
            for name in tables
        }

    before = everything()
    company = world.runtime.companies.find(str(id_))
    lives.erase_participant(world.runtime, company, "p-4711", actor="ops")
    assert everything() == before


def test_kept_answers_that_only_look_like_it_are_kept(world: World) -> None:
    """A client that asks again would otherwise have it done twice."""
    [id_] = world.companies(1)
    for key, body in {
        "says": '{"text": "row of 4711"}',
        "longer": '{"text": "row of 47112"}',
        "instant": '{"at": "2026-03-09T12:30:00.4711+00:00"}',
        "4711": "{}",
    }.items():
        _run(
            world,
            "INSERT INTO idempotency_keys (scope, key, request_hash, headers, body, created_at) "
            "VALUES (:hash, :key, :hash, '{}', :body, now())",
            hash="0" * 64,
            key=key,
            body=body.encode(),
        )
    company = world.runtime.companies.find(str(id_))
    lives.erase_participant(world.runtime, company, "12", actor="ops")
    assert world.scalars("SELECT count(*) FROM idempotency_keys") == [4]
    lives.erase_participant(world.runtime, company, "4711", actor="ops")
    kept = world.scalars("SELECT key FROM idempotency_keys ORDER BY key")
    assert kept == ["instant", "longer"]


def test_a_table_larger_than_a_batch_is_swept_whole_and_never_read_whole(world: World) -> None:
    """Years of deliveries don't fit into memory."""
    [id_] = world.companies(1)
    _run(
        world,
        "INSERT INTO audit_log (company_id, actor, action, subject, at) "
        "SELECT :id, 'ops', 'test', 'p-4711 and ' || n, now() FROM generate_series(1, 1203) n",
        id=id_,
    )
    streamed: list[bool] = []

    @event.listens_for(world.runtime.database.engine, "before_cursor_execute")
    def note(_c: Any, cursor: Any, statement: str, _p: Any, _context: Any, _many: Any) -> None:
        if statement.startswith("SELECT") and "FROM audit_log AS t" in statement:
            streamed.append(cursor.name is not None)  # the server's cursor

    company = world.runtime.companies.find(str(id_))
    erased = lives.erase_participant(world.runtime, company, "p-4711", actor="ops")
    assert erased.rows["audit_log"] == 1203
    assert world.scalars("SELECT count(*) FROM audit_log WHERE subject LIKE '%4711%'") == [0]
    assert streamed
    assert all(streamed)
