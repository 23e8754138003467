"""Channels and what was sent on them, as a terminal shows them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.cli.output import console
from impact_in_pipelines.db.notices.channels import LoggedMessage, NoticeChannel
from impact_in_pipelines.delivery.notifying.model import CHOSEN, Digest
from impact_in_pipelines.plain_text import plain

_STATE_STYLES = {"sent": "green", "failed": "bold red", "waiting": "yellow"}


def print_channels(slug: str, rows: Sequence[NoticeChannel]) -> None:
    """A channel a paragraph: addresses and lists of events would share a table's narrow columns badly."""
    if not rows:
        console.print(
            f"{slug} is notified nowhere. Add a channel: impact-in notices add {slug} email --name NAME "
            "--to ADDRESS",
            soft_wrap=True,
        )
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in rows:
        kinds = "everything" if set(one.kinds) == set(CHOSEN) else ", ".join(one.kinds)
        style = "bold red" if not one.enabled or one.failing_since else "green"
        when = {Digest.AT_ONCE: "each at once", Digest.HOURLY: "hourly", Digest.DAILY: "daily"}
        table.add_row(
            str(one.id)[:8],
            Text.assemble(
                (f"{plain(one.name)}  ", "bold"),
                (plain(channel_state(one)), style),
                f"\n{one.medium} to {plain(one.shown)}\n",
                (f"{when[one.digest]}, {one.language}, {one.timezone}: {kinds}", "dim"),
            ),
        )
    console.print(table)


def channel_state(one: NoticeChannel) -> str:
    """How it works, in a few words."""
    if not one.enabled:
        why = {"failing": "it failed for days", "gone": "the receiver wants no more"}
        return f"off: {why.get(one.disabled_reason or '', 'by a person')}"
    parts = []
    if one.failing_since is not None:
        parts.append(f"failing since {wording.moment(one.failing_since)}: {one.last_error}")
    elif one.last_success_at is not None:
        parts.append("works")
    else:
        parts.append("nothing sent yet")
    if one.waiting:
        parts.append(f"{one.waiting} waiting")
    if one.given_up:
        parts.append(f"{one.given_up} given up")
    return ", ".join(parts)


def print_secret(secret: str) -> None:
    """What a webhook is signed with, on a line of its own so that it can be copied whole."""
    console.print("Signed with this secret, which is shown this once:", soft_wrap=True)
    typer.echo(secret)


def message_document(one: LoggedMessage) -> dict[str, Any]:
    """A message as JSON shows it."""
    return {**asdict(one), "state": one.state}


def print_messages(slug: str, channel: NoticeChannel, rows: Sequence[LoggedMessage]) -> None:
    """A message a paragraph: when, about what, how it stands; then each try."""
    if not rows:
        console.print(
            f"Nothing of the kind was sent. Try it out: impact-in notices test {slug} "
            f"{str(channel.id)[:8]}",
            soft_wrap=True,
        )
        return
    for one in rows:
        console.print(
            f"{wording.moment(one.created_at)}  {one.kind}  {one.state}",
            style=_STATE_STYLES[one.state],
        )
        console.print(f"  {one.id}", style="dim")
        for attempt in one.attempts:
            how = "accepted" if attempt.accepted else attempt.error or "not accepted"
            console.print(
                f"  {attempt.number}. {wording.moment(attempt.at)}, {attempt.latency_ms:.0f} ms: {how}",
                soft_wrap=True,
            )
        if one.state == "waiting" and one.next_attempt_at is not None:
            console.print(f"  next try {wording.moment(one.next_attempt_at)}")
    if any(one.state == "failed" for one in rows):
        console.print(
            f"To send what was given up: impact-in notices send-again {slug} {str(channel.id)[:8]} "
            "--all-failed",
            soft_wrap=True,
        )
