"""What a replay would do, asked before it is done: in few reads, and without changing anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from factories import YESTERDAY, World
from sqlalchemy import event

from impact_in_pipelines.errors.deliveries import DeliveryUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.previewing import Action, preview_replay

BENEVITY = Platform.BENEVITY


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """Every statement that the world's engine runs within the block."""
    seen: list[str] = []

    def noted(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(world.database.engine, "before_cursor_execute", noted)
    try:
        yield seen
    finally:
        event.remove(world.database.engine, "before_cursor_execute", noted)


def failed(world: World, count: int) -> list[UUID]:
    """Deliveries of one company that failed for good, a day each."""
    (company,) = world.companies()
    days = [YESTERDAY - timedelta(days=n) for n in range(count)]
    world.events([company], days=days)
    ids = world.deliveries(BENEVITY, company, days=days)
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now", now=world.clock()
    )
    return ids


def test_a_preview_of_fifty_reads_as_often_as_one_of_two(world: World) -> None:
    """The confirmation page once ran two statements for each of its lines."""
    ids = failed(world, 50)
    preview_replay(world.runtime, ids[:2])

    with statements(world) as few:
        preview_replay(world.runtime, ids[:2])
    with statements(world) as many:
        found = preview_replay(world.runtime, ids)

    assert len(many) == len(few)
    assert len(found.items) == 50
    assert {item.action for item in found.items} == {Action.SEND_AGAIN}


def test_another_companys_delivery_is_as_good_as_none(world: World) -> None:
    """Whether somebody else's delivery exists is nobody's business."""
    (mine, *_) = failed(world, 1)

    with pytest.raises(DeliveryUnknown):
        preview_replay(world.runtime, [mine], company_ids=[uuid4()])
    with pytest.raises(DeliveryUnknown):
        preview_replay(world.runtime, [uuid4()])
