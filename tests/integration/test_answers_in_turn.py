"""What a platform says to the attempts of one delivery, one after the other, and what the log makes of it."""

from datetime import timedelta

from factories import World

from impact_in_pipelines.platforms import Platform


def test_a_conflict_after_an_attempt_that_may_have_arrived_is_tried_again(world: World) -> None:
    """Time-out after processing, then 409 without Retry-After: the platform is busy with the first attempt,
    as the log knows; the third finds its answer, under the same key."""
    world.due(Platform.BENEVITY)
    world.sandbox.client.add_fault("benevity", "connection_reset_after", count=1)
    world.sandbox.client.add_fault("benevity", "in_progress", count=1, retry_after_seconds=None)
    for _ in range(3):
        world.drain(Platform.BENEVITY)
        world.clock.advance(timedelta(minutes=16))
    (row,) = world.rows("SELECT * FROM impact_deliveries")
    assert row["status"] == "success"
    assert world.outcomes(row["id"]) == ["retryable", "retryable", "delivered"]
    [(key, line)] = world.accepted(Platform.BENEVITY).items()
    assert key == str(row["id"])
    assert (line["timesReceived"], line["timesAccepted"]) == (3, 1)


def test_a_conflict_that_nothing_explains_is_final(world: World) -> None:
    """The first attempt is refused: no earlier one can be what the platform is busy with."""
    world.due(Platform.BENEVITY)
    world.sandbox.client.add_fault("benevity", "in_progress", count=1, retry_after_seconds=None)
    world.drain(Platform.BENEVITY)
    (row,) = world.rows("SELECT * FROM impact_deliveries")
    assert (row["status"], row["error_kind"], row["http_status"]) == ("failed", "rejected", 409)
