"""What `impact-in deliver` says at its end: what came of it, what remains and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from impact_in_pipelines.cli.output import console, print_error, print_table
from impact_in_pipelines.cli.schedules.held_platforms import held_in_words
from impact_in_pipelines.db.deliveries.queueing.remaining import Remaining, Waiting
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import FACTS, Platform

SHOWN = (
    DeliveryStatus.SUCCESS,
    DeliveryStatus.RETRYING,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.FAILED,
    DeliveryStatus.PENDING,
    DeliveryStatus.IN_PROGRESS,
)


def print_results(results: Sequence[Mapping[str, Any]], remaining: Sequence[Remaining]) -> None:
    """One row a platform, then what to look at."""
    something = any(r[status.value] for r in results for status in SHOWN)
    print_table(
        "Results",
        ["platform", *(status.value.replace("_", " ") for status in SHOWN)],
        [
            [FACTS[Platform(r["platform"])].title, *(r[status.value] or "–" for status in SHOWN)]
            for r in results
            if something
        ],
        empty=_nothing(results, remaining),
    )
    for result in results:
        if result["error"]:
            print_error(f"{result['platform'].value}: {result['error']}")
    if any(result["failed"] for result in results):
        console.print("What failed, and why: impact-in deliveries list --status failed")
    if any(result["retrying"] for result in results):
        console.print("What is tried again, and when: impact-in deliveries list --status retrying")


def _nothing(results: Sequence[Mapping[str, Any]], remaining: Sequence[Remaining]) -> str:
    if any(result["error"] for result in results):
        return "nothing was sent"
    if remaining:
        return "nothing could be sent now"
    return "nothing was due"


def print_remaining(remaining: Sequence[Remaining], held: Sequence[Platform] | None) -> None:
    """A line for each thing that something waits for, then which platforms are held in Dagster."""
    for one in remaining:
        console.print(remaining_in_words(one), soft_wrap=True)
    concerned = {one.platform for one in remaining}
    for sentence in held_in_words([p for p in held if p in concerned] if held else held):
        console.print(sentence, soft_wrap=True)


def stopped_in_words(results: Sequence[Mapping[str, Any]], remaining: Sequence[Remaining]) -> str:
    """One line after an orderly stop: what was done, and how to go on."""
    done = Counter({s: sum(r[s.value] for r in results) for s in SHOWN})
    due = sum(one.deliveries for one in remaining if one.why is Waiting.DUE)
    waiting = sum(one.deliveries for one in remaining) - due
    parts = [f"{done[DeliveryStatus.SUCCESS]} delivered"]
    if done[DeliveryStatus.FAILED]:
        parts.append(f"{done[DeliveryStatus.FAILED]} failed for good")
    parts.append(f"{due} {'remains' if due == 1 else 'remain'} due")
    if waiting:
        parts.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} for a later attempt")
    return f"Stopped: {', '.join(parts)}. To go on: impact-in deliver"


def remaining_in_words(one: Remaining) -> str:
    """How many deliveries remain on a platform, what they wait for and until when (UTC)."""
    noun = "delivery remains" if one.deliveries == 1 else "deliveries remain"
    return f"{FACTS[one.platform].title}: {one.deliveries} {noun}, {_why(one)}."


def _why(one: Remaining) -> str:
    match one.why:
        case Waiting.RETRY:
            return f"waiting for a retry until {_span(one)}"
        case Waiting.LATER:
            why = "a rate limit, an account without answers or the same content on its way"
            return f"put off until {_span(one)} by {why}"
        case Waiting.CLOSED:
            # No time: what a person holds has no end, and a breaker's is beside it in that list.
            return "held, and nothing has failed; why and until when: impact-in platforms list"
        case Waiting.HELD:
            return (
                f"held by a worker until {_span(one)}, when its lease ends "
                "unless it is still at work"
            )
        case Waiting.SELECTED:
            return f"left to the run that selected them until {_span(one)}"
        case Waiting.BEHIND:
            return "behind an earlier delivery of the same schedule"
        case Waiting.DUE:
            return "due now: the next drain takes them"


def _span(one: Remaining) -> str:
    first, last = _clock(one.first_at), _clock(one.last_at)
    return f"{first} UTC" if first == last else f"{first} to {last} UTC"


def _clock(at: datetime | None) -> str:
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
