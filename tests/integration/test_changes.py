"""What has changed since (D15): found once, whatever order transactions end in, whatever clocks say."""

from datetime import timedelta
from uuid import UUID

from factories import World
from sqlalchemy import Connection, text

from impact_in_pipelines.db.deliveries.changes import (
    current_mark,
    mark_at,
    mark_or_none,
    position_of,
    reading_changes,
)
from impact_in_pipelines.db.deliveries.metrics import MetricsStore
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.db.queries import with_fragments
from impact_in_pipelines.platforms import Platform

BENEVITY = Platform.BENEVITY
_CHANGED = text(
    with_fragments("SELECT d.id FROM impact_deliveries d WHERE @changed_since(d, :mark)")
)
_END = text(
    "UPDATE impact_deliveries SET status = :status, updated_at = :at, next_attempt_at = NULL "
    "WHERE id = :id"
)


def changed(world: World, mark: str | None) -> tuple[set[UUID], str]:
    """What has changed since `mark`, and the next one."""
    with reading_changes(world.database.engine) as (connection, new):
        return set(connection.scalars(_CHANGED, {"mark": mark})), new


def end(connection: Connection, world: World, id_: UUID, status: str = "success") -> None:
    """Bring a delivery to its end, with a time that a worker took long before."""
    at = world.clock() - timedelta(hours=1)
    connection.execute(_END, {"id": id_, "status": status, "at": at})


def test_a_transaction_that_began_first_and_ends_last_is_found_once(world: World) -> None:
    """ "Greater than the greatest seen" would leave it out for ever: a slow import did that for 13 s."""
    slow, quick = world.deliveries(BENEVITY, *world.companies(2))
    found, mark = changed(world, None)
    assert found == {slow, quick}
    with world.database.engine.connect() as first, world.database.engine.connect() as second:
        end(first, world, slow)
        end(second, world, quick)
        second.commit()
        found, mark = changed(world, mark)
        assert found == {quick}
        first.commit()
    found, mark = changed(world, mark)
    assert found == {slow}
    assert changed(world, mark)[0] == set()


def test_metrics_count_every_end_exactly_once_however_late_it_is_committed(world: World) -> None:
    """Refused and skipped ones carry the time of their claim, from before a slow build of the payloads."""
    refused, skipped = world.deliveries(BENEVITY, *world.companies(2))
    store = MetricsStore(world.database.engine)
    mark = store.ended_since(None, by_company=False).mark
    with world.database.engine.connect() as late:
        end(late, world, refused, "failed")
        with world.database.engine.begin() as connection:
            end(connection, world, skipped, "skipped")
        first = store.ended_since(mark, by_company=False)
        late.commit()
    second = store.ended_since(first.mark, by_company=False)
    third = store.ended_since(second.mark, by_company=False)
    counted = [
        [(one.status, one.deliveries) for one in ended.finished] for ended in (first, second, third)
    ]
    assert counted == [[("skipped", 1)], [("failed", 1)], []]


def test_from_a_position_nothing_is_left_out(world: World) -> None:
    """An event's id is one number: what was under way when it was written is told again."""
    slow, quick = world.deliveries(BENEVITY, *world.companies(2))
    with world.database.engine.connect() as first:
        end(first, world, slow)
        with world.database.engine.begin() as second:
            end(second, world, quick)
            position = position_of(current_mark(second))
        first.commit()
    assert changed(world, mark_at(position))[0] == {slow, quick}


def test_a_lease_that_is_renewed_is_no_change(world: World) -> None:
    """Nor is a row that was shown in Dagster: nobody who asks would see a difference."""
    (id_,) = world.deliveries(BENEVITY, *world.companies())
    _, mark = changed(world, None)
    world.execute(
        "UPDATE impact_deliveries SET lease_until = now(), next_attempt_at = now(), recorded_at = now()"
    )
    assert changed(world, mark)[0] == set()
    world.execute("UPDATE impact_deliveries SET status = 'cancelled' WHERE id = :id", id=id_)
    assert changed(world, mark)[0] == {id_}


def test_a_mark_of_another_server_is_worth_none(world: World) -> None:
    """A dump that was restored elsewhere brings marks that lie ahead: everything is read again, and its
    rows don't count as changed once the new server has come so far."""
    (id_,) = world.deliveries(BENEVITY, *world.companies())
    _, mark = changed(world, None)
    ahead = mark_at(position_of(mark) + 1_000_000)
    with world.database.engine.connect() as connection:
        assert mark_or_none(connection, mark) == mark
        assert mark_or_none(connection, ahead) is None
        assert mark_or_none(connection, None) is None
    world.execute("ALTER TABLE impact_deliveries DISABLE TRIGGER USER")
    world.execute("UPDATE impact_deliveries SET change_seq = :seq", seq=position_of(ahead))
    world.execute("ALTER TABLE impact_deliveries ENABLE TRIGGER USER")
    world.database.engine.dispose()
    upgrade(world.database.engine)
    assert changed(world, mark)[0] == set()
    assert world.delivery(id_)["change_seq"] == 0
