"""What a report says of deliveries that arrive late, or not at all."""

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.model import Breach, BreachType
from impact_in_pipelines.sla.reports.said import N_, Figure, Worded, clause, worded


def latency_seen(breach: Breach, on_time: int, timed: int) -> Worded:
    """What was seen of a platform that is late."""
    if breach.type is BreachType.ON_TIME_RATE:
        only = N_(
            "Only %(on_time)s of %(timed)s arrived on time (%(rate)s), the target is %(target)s."
        )
        rate, target = Figure("percent", breach.actual), Figure("percent", breach.threshold)
        return worded(clause(only, on_time=on_time, timed=timed, rate=rate, target=target))
    half = breach.details.get("p50_ms")
    halves = [clause(N_(", half of them over %(half)s"), half=Figure("ms", half))]
    within = N_("; the limit is %(limit)s. %(on_time)s of %(timed)s arrived on time.")
    return worded(
        clause(N_("Deliveries took %(average)s on average"), average=Figure("ms", breach.actual)),
        *(halves if breach.pages and half else []),
        clause(within, limit=Figure("ms", breach.threshold), on_time=on_time, timed=timed),
    )


def latency_action(crowded: bool, retried: int, platform: Platform | None) -> Worded:
    """What to do about it."""
    if crowded:
        return worded(
            clause(N_("Too many are due at the same minute: spread their schedules, as said here."))
        )
    waits = N_(" Retries wait 5, 10 and 20 minutes: what makes them necessary makes it late.")
    slow = N_(
        "See whether they started late (more workers, schedules spread) or %(title)s answered slowly (ask "
        "its support)."
    )
    any_slow = N_(
        "See whether they started late (more workers, schedules spread) or the platform answered slowly (ask "
        "its support)."
    )
    asked = clause(slow, title=FACTS[platform].title) if platform else clause(any_slow)
    return worded(asked, *([clause(waits)] if retried else []))


def burning_seen(breach: Breach) -> Worded:
    """What was seen of an error budget that is spent too fast."""
    errors = breach.details.get("errors")
    speed = Figure("times", breach.actual)
    if not errors:
        spent = N_("The error budget is spent %(speed)s as fast as it bears.")
        return worded(clause(spent, speed=speed))
    if breach.sample_size == 1:
        only = N_(
            "The only delivery did not arrive: the error budget is spent %(speed)s as fast as it bears."
        )
        return worded(clause(only, speed=speed))
    some = N_(
        "%(errors)s of %(due)s deliveries did not arrive: the error budget is spent %(speed)s as fast as it "
        "bears."
    )
    return worded(clause(some, errors=int(errors), due=breach.sample_size, speed=speed))
