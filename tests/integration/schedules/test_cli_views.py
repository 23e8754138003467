"""`impact-in schedules list` and `preview`: what they print."""

from datetime import datetime

import pytest

from impact_in_pipelines.settings import get_settings

from .commands import Cli, create


@pytest.mark.parametrize("columns", ["60", "80", "100", "130"])
def test_the_list_fits_the_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """Ids, times and zones are never broken over lines, and the status is there to be read."""
    monkeypatch.setenv("COLUMNS", columns)
    assert "impact-in schedules create" in cli("list").out
    id_ = create(cli, "30 8 * * 1-5")
    out = cli("list", "--company", "acme", "--platform", "benevity").out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= int(columns)
    assert id_[:8] in out
    assert "08:30 CE" in out
    assert "Europe/Oslo" in out
    assert "active" in out
    cli("pause", id_, "--reason", "the customer asked us to wait until their new account is open")
    paused = " ".join(cli("list").out.split())
    assert "paused: the" in paused
    assert "is open" in paused
    assert cli("list", "--platform", "goodera", "--json").data == []


def test_preview_of_a_cron_that_is_not_saved_tells_what_a_calendar_does(cli: Cli) -> None:
    """Easter Sunday is dropped, its week goes to the next fire; the local offset changes."""
    words = ("weekly", "--timezone", "Europe/Oslo", "--holidays", "NO", "--from", "2026-03-27")
    said = cli("preview", *words, "--count", "3")
    assert said.code == 0
    assert "Easter Sunday; the next delivery covers its period" in " ".join(said.out.split())
    fires = cli("preview", *words, "--count", "3", "--json").data["fires"]
    assert [fire["local"] for fire in fires] == [
        "2026-03-29T00:00:00+01:00",
        "2026-04-05T00:00:00+02:00",
        "2026-04-12T00:00:00+02:00",
    ]
    assert [fire["dropped"] for fire in fires] == [False, True, False]
    assert (fires[2]["periodStart"], fires[2]["periodEnd"]) == ("2026-03-29", "2026-04-11")


def test_preview_of_a_saved_schedule_can_try_a_change(cli: Cli) -> None:
    """Nothing is written."""
    id_ = create(cli, "daily")
    fires = cli("preview", id_[:5], "--window", "08:00-09:00", "--count", "2", "--json").data[
        "fires"
    ]
    assert {datetime.fromisoformat(fire["local"]).hour for fire in fires} == {8}
    assert cli("show", id_, "--json").data["windowStart"] is None


def test_preview_needs_no_database(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cron can be tried before anything is set up."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    get_settings.cache_clear()
    assert cli("preview", "daily").code == 0
    assert cli("list").code == 1


def test_a_reason_that_holds_for_every_fire_says_so(cli: Cli) -> None:
    """It stands below the first one only."""
    said = cli("preview", "daily", "--spread", "7", "--count", "3").out
    assert said.count("spread the load") == 1
    assert "so for every fire" in " ".join(said.split())


def test_fires_moved_for_one_reason_share_its_line(cli: Cli) -> None:
    """Each stands at the time it was moved to, so the reason needs no date and isn't told five times."""
    said = cli("preview", "0 9 * * *", "--window", "10:00-18:00", "--count", "3").out
    assert said.count("outside the window") == 1
    assert "moved: outside the window 10:00-18:00; so for every fire" in " ".join(said.split())
