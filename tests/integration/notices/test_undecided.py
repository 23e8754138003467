"""Figures that have changed since they were delivered, where the policy is to ask: the company is notified,
and the operators have one incident a platform while somebody is to decide."""

from pathlib import Path

from factories import YESTERDAY

from impact_in_pipelines.delivery.notifying.model import USUAL
from impact_in_pipelines.delivery.resending.correcting import CorrectionPolicy, Policy
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.alerts import Alerts
from impact_in_pipelines.services.deliveries import corrections
from integration.late_worlds import found, imported

from .conftest import NoticeWorld

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA


def changed(made: NoticeWorld, folder: Path) -> None:
    """Yesterday was delivered to two platforms, with a channel; then an event comes late."""
    (company,) = made.world.companies()
    imported(made.world, folder, [("e1", YESTERDAY, "p1", 2.0)])
    for platform in (BENEVITY, GOODERA):
        made.world.deliveries(platform, company, days=[YESTERDAY])
        made.world.drain(platform)
    made.channel(company, kinds=USUAL)
    imported(made.world, folder, [("late", YESTERDAY, "p2", 1.0)])
    assert len(found(made.world)) == 2


def notices(made: NoticeWorld) -> list[dict[str, object]]:
    """What the company was told of it."""
    return [row["data"] for row in made.messages() if row["kind"] == "correction.undecided"]


def test_the_company_is_asked_once_for_each_platform(made: NoticeWorld, tmp_path: Path) -> None:
    """A new channel asks for it by itself; another import of the day is no second notice."""
    changed(made, tmp_path)
    made.tick()
    told = notices(made)
    assert [one["platform"] for one in told] == ["benevity", "goodera"]
    day = YESTERDAY.isoformat()
    assert told[0]["changed"] == {"days": 1, "firstDay": day, "lastDay": day}
    imported(made.world, tmp_path, [("later", YESTERDAY, "p3", 1.0)])
    found(made.world)
    made.tick()
    assert len(notices(made)) == 2


def test_nobody_is_asked_who_has_decided(made: NoticeWorld, tmp_path: Path) -> None:
    """A policy of never or automatic is a decision."""
    changed(made, tmp_path)
    company = made.world.runtime.companies.find("c-1").id
    for platform, policy in ((BENEVITY, Policy.NEVER), (GOODERA, Policy.AUTOMATIC)):
        corrections.set_policy(
            made.world.runtime, CorrectionPolicy(company, platform, policy), actor="ann"
        )
    made.tick()
    assert notices(made) == []
    assert made.world.runtime.staleness.undecided() == []


def test_the_incident_closes_with_the_decision(made: NoticeWorld, tmp_path: Path) -> None:
    """Level low, one for each platform: closed where days are corrected, and where the company refuses."""
    changed(made, tmp_path)
    runtime = made.world.runtime
    opened = Alerts(runtime).watch_corrections()
    assert opened is not None
    assert (opened.opened, opened.closed) == (2, 0)
    rows = made.world.scalars(
        "SELECT concat_ws(' ', platform, type, severity, paged, actual) FROM incidents ORDER BY 1"
    )
    assert rows == [
        f"{platform} correction_undecided warning f 1" for platform in ("benevity", "goodera")
    ]

    reports = {one.example.platform: one.example for one in corrections.stale_reports(runtime)}
    corrections.correct(runtime, [reports[BENEVITY].delivery_id], actor="ann")
    never = CorrectionPolicy(reports[GOODERA].company_id, GOODERA, Policy.NEVER)
    corrections.set_policy(runtime, never, actor="ann")
    closed = Alerts(runtime).watch_corrections()
    assert closed is not None
    assert (closed.opened, closed.closed) == (0, 2)
