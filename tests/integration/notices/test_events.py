"""What companies are notified of: each event once for each channel that asks for it, found a tick later."""

from datetime import timedelta
from uuid import UUID

from impact_in_pipelines.delivery.notifying.model import NoticeEvent
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.notices.sending import write_notices

from .conftest import NoticeWorld

GOODERA = Platform.GOODERA
MINUTE = timedelta(minutes=1)


def kinds(made: NoticeWorld) -> list[str]:
    """What stands in the outbox, in order."""
    return [row["kind"].partition(".")[2] for row in made.messages()]


def test_failed_then_recovered_then_failed_again_are_three_events(made: NoticeWorld) -> None:
    """A row that goes through the same again is news; one that is only touched isn't."""
    (company,) = made.world.companies()
    made.channel(company)
    (delivery,) = made.world.deliveries(GOODERA, company)
    made.ended(
        delivery, "failed", attempt_count=4, last_error="503: busy", error_kind="server_error"
    )
    made.tick()
    made.ended(delivery, "success", attempt_count=5, failed_at=made.world.clock())
    made.tick()
    made.world.execute("UPDATE impact_deliveries SET updated_at = now()")
    made.tick()
    made.ended(delivery, "failed", attempt_count=5, taken_back_at=made.world.clock())
    made.tick()
    assert kinds(made) == ["failed", "recovered", "failed"]
    assert made.messages()[0]["data"]["delivery"]["error"] == "503: busy"


def test_a_correction_that_arrives_is_told_as_one(made: NoticeWorld) -> None:
    """Not as any other delivery: it says that earlier figures are superseded."""
    (company,) = made.world.companies()
    made.channel(company)
    (delivery,) = made.world.deliveries(GOODERA, company, trigger="correction")
    made.ended(delivery)
    made.tick()
    assert kinds(made) == ["corrected"]


def test_what_has_not_arrived_in_time_is_late_once(made: NoticeWorld) -> None:
    """Fifteen minutes after it was due; not again a tick later, nor what was sent by hand."""
    (company,) = made.world.companies()
    made.channel(company)
    made.world.deliveries(GOODERA, company)
    made.world.deliveries(GOODERA, company, trigger="manual")
    made.tick(14 * MINUTE)
    assert kinds(made) == []
    made.tick(2 * MINUTE)
    made.tick(2 * MINUTE)
    assert kinds(made) == ["late"]


def test_what_was_missed_while_nothing_ran_is_late(made: NoticeWorld) -> None:
    """It is planned with its time in the past already."""
    (company,) = made.world.companies()
    made.channel(company)
    (delivery,) = made.world.deliveries(GOODERA, company)
    made.ended(delivery, "missed")
    made.tick()
    assert kinds(made) == ["late"]


def test_what_a_closed_connection_holds_is_told_once_and_so_is_its_end(
    made: NoticeWorld,
) -> None:
    """After five minutes, while something waits; a company for which nothing waits hears nothing."""
    company, idle = made.world.companies(2)
    made.channel(company)
    made.channel(idle)
    made.world.deliveries(GOODERA, company)
    runtime = made.world.runtime
    now = made.world.clock()
    runtime.closures.hold(GOODERA, None, reason="a move", by="olena", now=now)
    made.tick(4 * MINUTE)
    assert kinds(made) == []
    made.tick(2 * MINUTE)
    made.tick(2 * MINUTE)
    assert [(row["kind"], row["company_id"]) for row in made.messages()] == [
        ("delivery.held", company)
    ]
    made.world.execute("DELETE FROM connection_closures")
    made.tick()
    made.tick()
    assert kinds(made) == ["held", "recovered"]


def test_a_weekly_report_is_told_once_however_often_it_is_made(made: NoticeWorld) -> None:
    """Made again it is the same report; a monthly one, and that of all companies, are nobody's notice."""
    (company,) = made.world.companies()
    made.channel(company)
    for of, period in ((company, "weekly"), (company, "monthly"), (None, "weekly")):
        made.world.execute(
            "INSERT INTO sla_reports (company_id, period, starts_on, ends_on, report, created_at) "
            "VALUES (:company, :period, '2026-03-02', '2026-03-08', '{}', :now)",
            company=of,
            period=period,
            now=made.world.clock(),
        )
    made.tick()
    made.world.execute("UPDATE sla_reports SET created_at = created_at + interval '1 minute'")
    made.tick(MINUTE)
    assert kinds(made) == ["weekly_ready"]


def test_each_channel_gets_what_it_asks_for_and_nobody_elses(made: NoticeWorld) -> None:
    """One event for two channels of one company is two messages; another company's channel gets none."""
    company, other = made.world.companies(2)
    made.channel(company, path="/all")
    made.channel(company, path="/failed", kinds=[NoticeEvent.FAILED])
    made.channel(other, path="/other")
    for status in ("success", "failed"):
        (delivery,) = made.world.deliveries(GOODERA, company)
        made.ended(delivery, status)
    made.tick()
    sent = {path: len(made.receiver.at(path)) for path in ("/all", "/failed", "/other")}
    assert sent == {"/all": 2, "/failed": 1, "/other": 0}


def test_what_happened_before_a_channel_was_there_is_no_news(made: NoticeWorld) -> None:
    """A new channel begins with what happens from then on, also when the first tick comes later."""
    (company,) = made.world.companies()
    (before,) = made.world.deliveries(GOODERA, company)
    made.ended(before)
    made.world.clock.now += MINUTE
    made.channel(company)
    (after,) = made.world.deliveries(GOODERA, company)
    made.ended(after)
    made.tick()
    assert [UUID(row["data"]["delivery"]["id"]) for row in made.messages()] == [after]


def test_two_ticks_at_once_write_each_event_once(made: NoticeWorld) -> None:
    """One of them leaves it to the other."""
    (company,) = made.world.companies()
    made.channel(company)
    with made.world.database.engine.begin() as held:
        held.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('impact-in notices'))")
        assert write_notices(made.world.runtime) is None
    assert write_notices(made.world.runtime) == 0


def test_a_mark_of_another_server_finds_the_last_day_once(made: NoticeWorld) -> None:
    """After a dump was restored elsewhere the old mark lies in the future: nothing is told twice."""
    (company,) = made.world.companies()
    made.channel(company)
    (delivery,) = made.world.deliveries(GOODERA, company)
    made.ended(delivery)
    made.tick()
    made.world.execute("UPDATE notice_marks SET mark = '900000000:900000000:'")
    made.tick()
    (later,) = made.world.deliveries(GOODERA, company)
    made.ended(later)
    made.tick()
    assert kinds(made) == ["delivered", "delivered"]
