"""Events that come, change or are deleted after their day was delivered (design D19)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier

from dagster import TableMetadataValue
from factories import YESTERDAY, World

from impact_in_pipelines.assets.exports.checks import check_of_export
from impact_in_pipelines.db.corrections.staleness import StaleFilter
from impact_in_pipelines.delivery.resending.correcting import CorrectionPolicy, Policy
from impact_in_pipelines.errors.deliveries import (
    CorrectionCountsTwice,
    CorrectionNotStale,
    CorrectionOnItsWay,
    CorrectionsOff,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.deliveries.calendar import DayState, calendar

from .late_worlds import BENEVITY, GOODERA, QUARTER, WORKDAY, company_of, found, imported


def test_over_a_quarter_list_calendar_check_cells_and_corrections_agree(
    quarter: World, tmp_path: Path
) -> None:
    """Late, changed and deleted events make their days stale and no others, on each platform that was told,
    whoever is asked; and once they are corrected nobody says so any more."""
    assert len(QUARTER) == 90
    late, changed, deleted = QUARTER[3], QUARTER[40], QUARTER[80]
    imported(quarter, tmp_path, [("late", late, "p9", 1.5), (f"e{changed}", changed, "p1", 4.0)])
    quarter.execute("DELETE FROM impact_events WHERE event_id = :id", id=f"e{deleted}")
    expected = [(p.value, day) for p in (BENEVITY, GOODERA) for day in (late, changed, deleted)]
    assert found(quarter) == expected

    company = quarter.runtime.companies.find("c-1")

    def said() -> list[list[date]]:
        """The stale days by the calendar, the check's table and Dagster's cells, on both platforms."""
        shown = calendar(quarter.runtime, company, QUARTER[0], QUARTER[-1])
        answers = [
            [one.day for one in days if one.state is DayState.STALE]
            for name, days in shown.items()
            if name in (BENEVITY, GOODERA)
        ]
        for platform in (BENEVITY, GOODERA):
            result = check_of_export(quarter.runtime, platform)
            worst = result.metadata["worst"]
            assert isinstance(worst, TableMetadataValue)
            rows = worst.records
            answers.append(sorted(date.fromisoformat(str(one.data["day"])) for one in rows))
            assert result.passed is (not rows)
            with corrections.changed_cells(quarter.runtime, platform) as cells:
                marked.update((platform, day) for _, day in cells.marked)
                marked.difference_update((platform, day) for _, day in cells.cleared)
            answers.append(sorted(day for where, day in marked if where is platform))
        return answers

    marked: set[tuple[Platform, date]] = set()
    assert said() == [[late, changed, deleted]] * 6

    stale = corrections.stale_days(quarter.runtime, StaleFilter(platform=BENEVITY)).days
    (one,) = [each for each in stale if each.day == late]
    assert one.delivered is not None
    assert (one.delivered["participants"], one.current["participants"]) == (1, 2)
    assert (one.delivered["volunteer_hours"], one.current["volunteer_hours"]) == (2.0, 3.5)

    reports = corrections.stale_reports(quarter.runtime)
    corrections.correct(quarter.runtime, [r.example.delivery_id for r in reports], actor="ann")
    for platform in (BENEVITY, GOODERA):
        quarter.drain(platform)
    assert found(quarter) == []
    assert said() == [[]] * 6


def test_a_correction_supersedes_what_it_corrects_everywhere(
    quarter: World, tmp_path: Path
) -> None:
    """It is a delivery of its own kind, says so in the payload, and the day is no longer stale."""
    day = QUARTER[10]
    imported(quarter, tmp_path, [("late", day, "p9", 1.5)])
    assert len(found(quarter)) == 2
    reports = corrections.stale_reports(quarter.runtime)
    ids = {one.example.platform: one.example.delivery_id for one in reports}
    done = corrections.correct(quarter.runtime, list(ids.values()), actor="ann")
    assert done.refused == {}
    again = corrections.correct(quarter.runtime, list(ids.values()), actor="bob")
    assert [type(one) for one in again.refused.values()] == [CorrectionOnItsWay] * 2
    for platform in ids:
        quarter.drain(platform)

    assert found(quarter) == []
    assert corrections.stale_days(quarter.runtime).total == 0
    for platform, corrected in ids.items():
        made = quarter.delivery(done.queued[corrected])
        before = quarter.delivery(corrected)
        assert (made["trigger"], made["corrects"], made["correction"]) == (
            "correction",
            corrected,
            1,
        )
        assert (made["status"], made["figures"]["participants"]) == ("success", 2)
        # The body says when the report was due at first: whoever restores the log sends the same bytes again.
        timestamp = made["payload"].get("timestamp") or made["payload"]["metadata"]["timestamp"]
        assert timestamp == (
            before["payload"].get("timestamp") or before["payload"]["metadata"]["timestamp"]
        )
        if platform is GOODERA:
            assert made["payload"]["metadata"]["version"] == "1.1"
        else:
            assert all("correction 1" in m["description"] for m in made["payload"]["metrics"])
    company = quarter.runtime.companies.find("c-1")
    for days in calendar(quarter.runtime, company, day, day).values():
        assert [one.state for one in days] == [DayState.CORRECTED]
    assert quarter.doubled(BENEVITY) == quarter.doubled(GOODERA) == []


def test_figures_that_are_as_they_were_again_are_corrected_again(
    quarter: World, tmp_path: Path
) -> None:
    """The platform holds the correction: that it once held the same as now must not make us skip the
    second."""
    day = QUARTER[10]
    for number, hours in ((1, 3.0), (2, 2.0)):
        imported(quarter, tmp_path, [(f"e{day}", day, "p1", hours)])
        # Goodera was not corrected: it still holds what is true again.
        both = [("benevity", day), ("goodera", day)]
        assert found(quarter) == (both if number == 1 else both[:1])
        (report,) = corrections.stale_reports(quarter.runtime, StaleFilter(platform=BENEVITY))
        done = corrections.correct(quarter.runtime, [report.example.delivery_id], actor="ann")
        quarter.drain(BENEVITY)
        (made,) = done.queued.values()
        row = quarter.delivery(made)
        assert (row["status"], row["correction"]) == ("success", number)
        assert found(quarter) == ([("goodera", day)] if number == 1 else [])


def test_a_change_that_the_platform_is_not_told_of_is_none(quarter: World, tmp_path: Path) -> None:
    """The fingerprint is that of the figures: another pseudonym, or an event that was taken back, is
    nothing."""
    imported(
        quarter, tmp_path, [(f"e{QUARTER[5]}", QUARTER[5], "p2", 2.0), ("x", QUARTER[6], "p3", 1)]
    )
    assert found(quarter) == [(p.value, QUARTER[6]) for p in (BENEVITY, GOODERA)]
    quarter.execute("DELETE FROM impact_events WHERE event_id = 'x'")
    assert found(quarter) == []


def test_of_a_longer_period_only_the_days_that_changed_are_stale(
    world: World, tmp_path: Path
) -> None:
    """A month is one report: its figures differ, and the list names the day."""
    (company,) = world.companies()
    month = QUARTER[-30:]
    imported(world, tmp_path, [(f"e{day}", day, "p1", 2.0) for day in month])
    (id_,) = world.deliveries(BENEVITY, company)
    world.execute("UPDATE impact_deliveries SET period_start = :first", first=month[0])
    world.drain(BENEVITY)
    world.clock.advance(timedelta(minutes=1))
    imported(world, tmp_path, [("late", month[4], "p1", 1.0)])
    assert found(world) == [("benevity", month[4])]
    imported(world, tmp_path, [("later", month[9], "p1", 1.0)])
    assert found(world) == [("benevity", month[4]), ("benevity", month[9])]
    (report,) = corrections.stale_reports(world.runtime)
    assert report.example.delivery_id == id_
    assert len({one.current_hash for one in report.days}) == 1


def test_what_changes_while_it_is_being_sent_is_found_when_it_has_arrived(
    world: World, tmp_path: Path
) -> None:
    """The figures were read before the import ended: nothing else would ever look at the day again."""
    (company,) = world.companies()
    imported(world, tmp_path, [("e", YESTERDAY, "p1", 2.0)])
    world.deliveries(BENEVITY, company)
    world.execute("UPDATE impact_deliveries SET status = 'in_progress', lease_until = now()")
    imported(world, tmp_path, [("late", YESTERDAY, "p2", 2.0)])
    assert found(world) == []
    world.execute(
        "UPDATE impact_deliveries SET status = 'success', figures = '{}', figures_hash = repeat('0', 64), "
        "delivered_at = :now, next_attempt_at = NULL",
        now=world.clock(),
    )
    assert found(world) == [("benevity", YESTERDAY)]


def test_two_machines_that_correct_at_once_make_one_correction(
    quarter: World, tmp_path: Path
) -> None:
    """Never twice: the second waits for the first and finds its correction; the id follows from what it
    corrects."""
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    found(quarter)
    ids = [one.example.delivery_id for one in corrections.stale_reports(quarter.runtime)]
    runtimes = [quarter.another_runtime(seed=n) for n in range(4)]
    together = Barrier(len(runtimes))

    def correct(number: int) -> int:
        together.wait()
        return len(corrections.correct(runtimes[number], ids, actor=f"machine {number}").queued)

    with ThreadPoolExecutor(len(runtimes)) as pool:
        made = sum(pool.map(correct, range(len(runtimes))))
    assert made == 2
    assert quarter.scalars(
        "SELECT count(*) FROM impact_deliveries WHERE trigger = 'correction'"
    ) == [2]


def test_a_clock_that_is_set_back_makes_no_second_correction(
    quarter: World, tmp_path: Path
) -> None:
    """What was delivered is due in the future then, and its correction before it. A second one would have the
    same id and key, and the two would be sent again and again."""
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    quarter.clock.advance(-timedelta(days=31))
    found(quarter)
    id_ = corrections.stale_reports(quarter.runtime)[0].example.delivery_id
    (first,) = corrections.correct(quarter.runtime, [id_], actor="ann").queued.values()
    quarter.clock.advance(timedelta(minutes=5))
    (report,) = [
        one for one in corrections.stale_reports(quarter.runtime) if one.example.delivery_id == id_
    ]
    assert report.example.correction_id == first
    assert corrections.correct(quarter.runtime, [id_], actor="ann").queued == {}

    quarter.execute("UPDATE impact_deliveries SET status = 'cancelled' WHERE id = :id", id=first)
    (second,) = corrections.correct(quarter.runtime, [id_], actor="ann").queued.values()
    assert second != first
    assert quarter.delivery(second)["correction"] == 2


def test_a_correction_that_was_called_off_can_be_asked_for_again(
    quarter: World, tmp_path: Path
) -> None:
    """Under another key: the first may never be used again."""
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    found(quarter)
    id_ = corrections.stale_reports(quarter.runtime)[0].example.delivery_id
    (first,) = corrections.correct(quarter.runtime, [id_], actor="ann").queued.values()
    quarter.execute("UPDATE impact_deliveries SET status = 'cancelled' WHERE id = :id", id=first)
    (second,) = corrections.correct(quarter.runtime, [id_], actor="ann").queued.values()
    assert second != first
    assert quarter.delivery(second)["correction"] == 2


def test_a_platform_that_adds_is_corrected_only_if_somebody_accepts_that(
    world: World, tmp_path: Path
) -> None:
    """Workday's activities are entries: both would be counted. So it is refused, until the policy says who
    takes that on."""
    (company,) = world.companies()
    imported(world, tmp_path, [("e", YESTERDAY, "p1", 2.0)])
    world.deliveries(WORKDAY, company)
    world.drain(WORKDAY)
    imported(world, tmp_path, [("late", YESTERDAY, "p2", 2.0)])
    assert found(world) == [("workday", YESTERDAY)]
    (report,) = corrections.stale_reports(world.runtime)
    assert isinstance(report.refusal, CorrectionCountsTwice)
    id_ = report.example.delivery_id
    refused = corrections.correct(world.runtime, [id_], actor="ann").refused
    assert isinstance(refused[id_], CorrectionCountsTwice)

    accepted = CorrectionPolicy(company, WORKDAY, counts_twice_accepted="ann: agreed with Workday")
    corrections.set_policy(world.runtime, accepted, actor="ann")
    (made,) = corrections.correct(world.runtime, [id_], actor="ann").queued.values()
    world.drain(WORKDAY)
    payload = world.delivery(made)["payload"]
    assert payload["metadata"]["version"] == "1.1"
    assert world.delivery(made)["status"] == "success"


def test_policies_say_whether_and_when(quarter: World, tmp_path: Path) -> None:
    """Never: refused. Automatic: after a quiet time, and not more often than so."""
    company = company_of(quarter)
    corrections.set_policy(
        quarter.runtime, CorrectionPolicy(company, GOODERA, Policy.NEVER), actor="ann"
    )
    corrections.set_policy(
        quarter.runtime,
        CorrectionPolicy(company, BENEVITY, Policy.AUTOMATIC, 60, 600),
        actor="ann",
    )
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    assert len(found(quarter)) == 2
    goodera = corrections.stale_reports(quarter.runtime, StaleFilter(platform=GOODERA))[0]
    assert isinstance(goodera.refusal, CorrectionsOff)

    def automatic() -> int:
        return len(corrections.correct_automatically(quarter.runtime).queued)

    assert automatic() == 0  # not quiet yet
    quarter.clock.advance(timedelta(minutes=61))
    assert automatic() == 1
    assert automatic() == 0
    quarter.drain(BENEVITY)
    assert found(quarter) == [("goodera", QUARTER[1])]

    imported(quarter, tmp_path, [("later", QUARTER[2], "p9", 1.5)])
    found(quarter)
    quarter.clock.advance(timedelta(minutes=120))
    assert automatic() == 0  # not so often
    quarter.clock.advance(timedelta(minutes=480))
    assert automatic() == 1


def test_another_companys_report_is_none_that_can_be_corrected(
    quarter: World, tmp_path: Path
) -> None:
    """Tenants are isolated: to whoever may not see it there is nothing stale."""
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    found(quarter)
    (stranger,) = quarter.companies(prefix="other")
    id_ = corrections.stale_reports(quarter.runtime)[0].example.delivery_id
    done = corrections.correct(quarter.runtime, [id_], actor="eve", company_ids=[stranger])
    assert isinstance(done.refused[id_], CorrectionNotStale)
    assert corrections.stale_days(quarter.runtime, StaleFilter([stranger])).total == 0


def test_a_correction_is_in_no_rate(quarter: World, tmp_path: Path) -> None:
    """Nobody promised it for a time: it is shown with what was sent again, and counted nowhere (D17)."""
    imported(quarter, tmp_path, [("late", QUARTER[1], "p9", 1.5)])
    found(quarter)
    ids = [one.example.delivery_id for one in corrections.stale_reports(quarter.runtime)]
    corrections.correct(quarter.runtime, ids, actor="ann")
    quarter.drain(BENEVITY)
    window = (quarter.clock() - timedelta(days=1), quarter.clock() + timedelta(seconds=1))
    company = quarter.runtime.companies.find("c-1")
    status = quarter.runtime.sla.get_sla_status(company, *window, now=quarter.clock())
    metrics = status.overall.metrics
    assert (metrics.replayed, metrics.successful) == (2, 2 * len(QUARTER))
