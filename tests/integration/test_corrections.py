"""Corrections beside whatever else reports on the same days (design D4, D19)."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from factories import World

from impact_in_pipelines.db.corrections.staleness import StaleFilter
from impact_in_pipelines.delivery.resending.correcting import CorrectionPolicy, Policy
from impact_in_pipelines.services.deliveries import corrections

from .late_worlds import BENEVITY, GOODERA, QUARTER, company_of, found, imported


def test_figures_that_a_correction_has_brought_are_no_news(quarter: World, tmp_path: Path) -> None:
    """Whoever materialises the cell beside, or after, sends nothing more: a correction's body says which one
    it is, so that the same figures have another content."""
    days = {"after": QUARTER[10], "beside": QUARTER[11], "before": QUARTER[12]}
    quarter.clock.advance(timedelta(minutes=1))
    imported(quarter, tmp_path, [(f"late{day}", day, "p9", 1.5) for day in days.values()])
    found(quarter)
    reports = corrections.stale_reports(quarter.runtime, StaleFilter(platform=GOODERA))
    ids = {one.days[0].day: one.example.delivery_id for one in reports}
    company = company_of(quarter)

    def materialise(day: date) -> UUID:
        (id_,) = quarter.deliveries(GOODERA, company, days=[day], trigger="manual")
        return id_

    before = materialise(days["before"])
    quarter.drain(GOODERA)
    corrections.correct(quarter.runtime, [ids[days["after"]]], actor="ann")
    quarter.drain(GOODERA)
    beside_id = ids[days["beside"]]
    (correction,) = corrections.correct(quarter.runtime, [beside_id], actor="ann").queued.values()
    after, beside = materialise(days["after"]), materialise(days["beside"])
    for _ in range(3):
        quarter.drain(GOODERA)
        quarter.clock.advance(timedelta(minutes=1))

    status = {one: quarter.delivery(one)["status"] for one in (before, after, beside)}
    assert (status[before], status[after]) == ("success", "skipped")
    pair = {status[beside], quarter.delivery(correction)["status"]}
    assert pair == {"success", "skipped"}
    assert [day for platform, day in found(quarter) if platform == "goodera"] == []


@pytest.mark.parametrize("trigger", ["correction", "manual"])
def test_figures_that_arrived_while_the_clock_was_set_back_are_no_news(
    quarter: World, tmp_path: Path, trigger: str
) -> None:
    """They say that they arrived a month ago, before what they correct: they were sent once more by the next
    correction, whether a correction or a cell had brought them."""
    imported(quarter, tmp_path, [("late", QUARTER[10], "p9", 1.5)])
    found(quarter)

    def due(trigger: str, correction: int) -> UUID:
        company, days = company_of(quarter), [QUARTER[10]]
        (id_,) = quarter.deliveries(GOODERA, company, days=days, trigger=trigger)
        number = "UPDATE impact_deliveries SET correction = :number WHERE id = :id"
        quarter.execute(number, number=correction, id=id_)
        return id_

    quarter.clock.advance(timedelta(minutes=1))
    made = due(trigger, int(trigger == "correction"))
    quarter.clock.advance(-timedelta(days=31))
    assert quarter.drain(GOODERA).delivered == 1
    quarter.clock.advance(timedelta(days=31, hours=6))
    again = due("correction", 2)
    assert quarter.drain(GOODERA).skipped == 1
    assert quarter.delivery(again)["duplicate_of"] == made


def test_what_reports_after_a_correction_has_its_version(quarter: World, tmp_path: Path) -> None:
    """Of a period's reports Goodera keeps the one with the highest version."""
    imported(quarter, tmp_path, [("late", QUARTER[10], "p9", 1.5)])
    found(quarter)
    (report,) = corrections.stale_reports(quarter.runtime, StaleFilter(platform=GOODERA))
    corrections.correct(quarter.runtime, [report.example.delivery_id], actor="ann")
    quarter.drain(GOODERA)
    quarter.clock.advance(timedelta(days=2))
    imported(quarter, tmp_path, [("later", QUARTER[10], "p8", 1.0)])
    (id_,) = quarter.deliveries(GOODERA, company_of(quarter), days=[QUARTER[10]], trigger="manual")
    quarter.drain(GOODERA)
    made = quarter.delivery(id_)
    assert (made["status"], made["payload"]["metadata"]["version"]) == ("success", "1.1")

    imported(quarter, tmp_path, [("last", QUARTER[10], "p7", 1.0)])
    assert ("goodera", QUARTER[10]) in found(quarter)
    (report,) = corrections.stale_reports(quarter.runtime, StaleFilter(platform=GOODERA))
    (next_one,) = corrections.correct(
        quarter.runtime, [report.example.delivery_id], actor="ann"
    ).queued.values()
    assert quarter.delivery(next_one)["correction"] == 2


def test_a_correction_alone_is_due(quarter: World, tmp_path: Path) -> None:
    """A tick starts a drain for it, though it comes last of what is due."""
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    found(quarter)
    assert quarter.runtime.due_state(BENEVITY).next_due is None
    (report,) = corrections.stale_reports(quarter.runtime, StaleFilter(platform=BENEVITY))
    corrections.correct(quarter.runtime, [report.example.delivery_id], actor="ann")
    assert quarter.runtime.due_state(BENEVITY).next_due == quarter.clock()


def test_a_report_of_several_days_is_quiet_when_the_last_of_them_is(
    world: World, tmp_path: Path
) -> None:
    """An old change of one day must not send a report into which another one is still written."""
    (company,) = world.companies()
    week = QUARTER[-7:]
    imported(world, tmp_path, [(f"e{day}", day, "p1", 2.0) for day in week])
    world.deliveries(BENEVITY, company)
    world.execute("UPDATE impact_deliveries SET period_start = :first", first=week[0])
    world.drain(BENEVITY)
    policy = CorrectionPolicy(company, BENEVITY, Policy.AUTOMATIC, 60, 1)
    corrections.set_policy(world.runtime, policy, actor="ann")
    for day, minutes in ((week[1], 50), (week[2], 30), (week[3], 0)):
        world.clock.advance(timedelta(minutes=minutes))
        imported(world, tmp_path, [(f"late{day}", day, "p1", 1.0)])
        found(world)
    world.clock.advance(timedelta(minutes=40))
    assert corrections.correct_automatically(world.runtime).queued == {}
    world.clock.advance(timedelta(minutes=25))
    assert len(corrections.correct_automatically(world.runtime).queued) == 1
