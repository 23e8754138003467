"""The benchmark of an outage, small: what `python -m benchmarks outage` prints for 300 companies."""

from factories import World, environment

from benchmarks.outage import OUT, simulate
from impact_in_pipelines.platforms import Platform


def test_an_outage_loses_nothing_and_leaves_other_platforms_alone(world: World) -> None:
    """Nothing fails for good, nothing arrives twice, the others are as punctual as ever, and what was held is
    out within five minutes."""
    world.sandbox.client.configure(rate_limits_enabled=False)

    outcome = simulate(
        world.database,
        world.sandbox,
        environment(world.sandbox),
        companies=8,
        outage_minutes=60,
        before=5,
        after=15,
    )

    assert dict(outcome.statuses) == {"success": outcome.due}
    assert outcome.twice == 0
    assert outcome.drained_after_minutes is not None
    assert outcome.drained_after_minutes <= 5
    assert all(outcome.lateness_max[p.value] == 0 for p in Platform if p is not OUT)
    # The opening of the breaker, and a canary every four minutes.
    assert outcome.requests_during <= 15 + 60 / 4 + 5
