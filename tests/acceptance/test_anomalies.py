"""The search for anomalies in Dagster: one asset, a table of what was found, a check."""

from dagster import AssetKey

from impact_in_pipelines.anomalies.model import HISTORY_DAYS
from impact_in_pipelines.definitions import defs

from .world import QUIET, World, succeeded, values


def test_the_daily_run_shows_what_it_found(world: World) -> None:
    """A company whose events have fallen to a quarter: in the table with its four weeks, in a check that
    warns, and as an incident; a quiet one is in none."""
    for slug, share in (("falls", 4), ("stays", 1)):
        world.execute(
            """INSERT INTO company_impact (company_id, day, participants, volunteers, volunteer_hours,
                   sessions, events, activities, outcomes, quality, computed_at)
               SELECT :company, CAST(:now AS date) - n, 1, 1, 100, 1,
                      CASE WHEN n < 6 THEN 200 / :share ELSE 200 END + n % 7, '{}', '{}', '{}', :now
               FROM generate_series(1, :days) n""",
            company=world.company(slug),
            share=share,
            now=world.runtime.clock(),
            days=HISTORY_DAYS,
        )

    result = defs.resolve_job_def("find_anomalies").execute_in_process(
        instance=world.instance, run_config=QUIET, raise_on_error=False
    )

    assert succeeded(result)
    event = world.instance.get_latest_materialization_event(AssetKey("anomalies"))
    assert event is not None
    seen = values(event.asset_materialization)
    assert (seen["anomalies"], seen["series"]) == (1, 4)
    assert "falls" in str(seen["found"])
    assert "expected" in str(seen["found"])
    assert [
        (one.check_name, one.passed, one.severity.value)
        for one in result.get_asset_check_evaluations()
    ] == [("no_anomaly", False, "WARN")]
    (incident,) = world.execute("SELECT type, details FROM incidents")
    assert (incident["type"], incident["details"]["what"]) == ("anomaly", ["figures"])
