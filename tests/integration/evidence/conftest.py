"""An archive with something of everything."""

from datetime import timedelta
from pathlib import Path

import pytest
from factories import World

from impact_in_pipelines.db.deliveries.call_backs import CallBackStore, Word
from impact_in_pipelines.platforms import Platform

from .archives import FIRST, Exported, write_export


@pytest.fixture
def exported(world: World, tmp_path: Path) -> Exported:
    """Six deliveries of three days on two platforms, of which one was taken back and restored; one that was
    skipped; and another company's, of which nothing may be in it."""
    one, other = world.companies(2)
    days = [FIRST + timedelta(days=n) for n in range(3)]
    world.events([one, other], days=days)
    for platform in (Platform.BENEVITY, Platform.WORKDAY):
        for day in days:
            world.deliveries(platform, one, other, days=[day])
        world.drain(platform)
    world.deliveries(Platform.BENEVITY, one)
    world.drain(Platform.BENEVITY)
    (row,) = world.rows(
        "SELECT * FROM impact_deliveries WHERE company_id = :c AND platform = 'benevity' "
        "AND period_start = :day AND status = 'success'",
        c=one,
        day=days[0],
    )
    calls = CallBackStore(world.database.engine, world.runtime.vault)
    for number, word in enumerate((Word.FAILED, Word.ARRIVED)):
        world.clock.advance(timedelta(minutes=1))
        calls.take(
            Platform.BENEVITY, one, transaction_id=row["transaction_id"], message_id=f"m{number}",
            word=word, error="rejected by the programme", at=world.clock(), now=world.clock(),
        )  # fmt: skip
    company = world.runtime.companies.find(str(one))
    return Exported(world, company, write_export(world, company, tmp_path / "evidence.zip"))
