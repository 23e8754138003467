"""`impact-in notices`: where companies are notified: set up, tried out, and what was sent there.

Addresses of webhooks and of Slack open something to whoever reads them: they come from a file, standard input
or a prompt, never from the command line, which every list of processes shows.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from impact_in_pipelines.cli.context import AsJson, CompanyArgument
from impact_in_pipelines.cli.notices.input import ChannelArgument, channel_session, read_url
from impact_in_pipelines.cli.notices.views import (
    message_document,
    print_channels,
    print_messages,
    print_secret,
)
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import busy
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.delivery.notifying.model import CHOSEN, USUAL, Digest, Medium, NoticeEvent
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.services.notices import channels as service
from impact_in_pipelines.services.notices.channels import ChannelChange, NewChannel
from impact_in_pipelines.wording.language.languages import CODES

app = typer.Typer(
    help="Set up where companies are notified: e-mail, Slack, webhooks.", no_args_is_help=True
)


class MessageState(StrEnum):
    """How a message stands."""

    SENT = "sent"
    FAILED = "failed"
    WAITING = "waiting"


By = Annotated[str | None, typer.Option(metavar="WHO", help="Who does it; for the audit log.")]
UrlFrom = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|-",
        help="A file with the address of a webhook or of Slack; - reads standard input. Asked for, "
        "if it isn't given.",
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Whom an e-mail goes to; may be repeated."),
]
On = Annotated[
    list[NoticeEvent] | None,
    typer.Option(
        metavar="EVENT",
        help=f"What it is notified of, several times for several: {', '.join(CHOSEN)}. "
        f"Usual: {', '.join(kind.partition('.')[2] for kind in USUAL)}.",
    ),
]
Together = Annotated[
    Digest | None,
    typer.Option(help="Send each at once, or several together; webhooks always at once."),
]
Language = Annotated[
    str | None, typer.Option(metavar="CODE", help=f"Language of its notices: {', '.join(CODES)}.")
]
Timezone = Annotated[
    str | None,
    typer.Option(metavar="TZ", help="Time zone of its notices; by default the company's."),
]

_ADD = """\
Examples:

impact-in notices add nordlys email --name "HR" --to hr@nordlys.example --to kari@nordlys.example

impact-in notices add nordlys slack --name "#csr" --url-from webhook.txt

impact-in notices add nordlys webhook --name Intranet --on delivery.failed --on delivery.delivered
"""


@app.command("list")
def list_(company: CompanyArgument, as_json: AsJson = False) -> None:
    """List a company's channels, and whether each works."""
    with session() as runtime:
        found = runtime.companies.find(company)
        rows = service.channels(runtime, found)
    if as_json:
        print_json(rows)
        return
    print_channels(found.slug, rows)


@app.command("add", epilog=_ADD)
def add(
    company: CompanyArgument,
    medium: Annotated[Medium, typer.Argument(metavar="MEDIUM", help="email, slack or webhook.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    to: To = None,
    url_from: UrlFrom = None,
    on: On = None,
    together: Together = None,
    language: Language = None,
    timezone: Timezone = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Add a channel; it gets notices of what happens from now on.

    The secret with which a webhook is signed is printed only now.
    """
    url = _url(medium, url_from, to)
    new = NewChannel(
        name=name,
        medium=medium,
        url=url,
        to=to or (),
        kinds=on or USUAL,
        digest=together or Digest.AT_ONCE,
        language=language,
        timezone=timezone,
    )
    with session() as runtime:
        found = runtime.companies.find(company)
        # Whoever may read the database's password and the vault's key runs this machine.
        made = service.add_channel(runtime, found, new, actor=actor(by), by_operator=True)
    if as_json:
        print_json({"channel": made.channel, "secret": made.secret})
        return
    short = str(made.channel.id)[:8]
    console.print(f"Added {short}, to {made.channel.shown}.", soft_wrap=True)
    if made.secret is not None:
        print_secret(made.secret)
    console.print(f"Try it out: impact-in notices test {found.slug} {short}", soft_wrap=True)


@app.command("change")
def change(
    company: CompanyArgument,
    channel: ChannelArgument,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    to: To = None,
    url_from: UrlFrom = None,
    on: On = None,
    together: Together = None,
    language: Language = None,
    timezone: Timezone = None,
    enable: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="Switch it on or off.", show_default=False),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Change a channel, switch it off or on; what isn't given stays as it is."""
    asked = ChannelChange(
        name=name,
        url=None if url_from is None else read_url(url_from, hidden=True),
        to=to,
        kinds=on,
        digest=together,
        language=language,
        timezone=timezone,
        enabled=enable,
    )
    if asked == ChannelChange():
        raise UsageError("nothing to change; give --name, --on, --disable or another option")
    with channel_session(company, channel) as (runtime, found, one):
        changed = service.change_channel(
            runtime, found, one.id, asked, actor=actor(by), by_operator=True
        )
    if as_json:
        print_json(changed)
        return
    console.print(f"Changed {changed.name}.")


@app.command("rotate-secret")
def rotate_secret(
    company: CompanyArgument, channel: ChannelArgument, by: By = None, as_json: AsJson = False
) -> None:
    """Give a webhook another secret, printed only now. For a day messages are signed with the old one too."""
    with channel_session(company, channel) as (runtime, found, one):
        made = service.rotate_secret(runtime, found, one.id, actor=actor(by))
    if as_json:
        print_json({"channel": made.channel, "secret": made.secret})
        return
    assert made.secret is not None
    print_secret(made.secret)
    until = made.channel.old_secret_until
    if until is not None:
        console.print(f"The one before signs as well until {until:%Y-%m-%d %H:%M} UTC.")


@app.command("test")
def try_out(
    company: CompanyArgument, channel: ChannelArgument, by: By = None, as_json: AsJson = False
) -> None:
    """Send a test notice now. Exit code 1 if it isn't accepted."""
    with (
        channel_session(company, channel) as (runtime, found, one),
        busy("Sending a test notice", quiet=as_json),
    ):
        result = service.try_out(runtime, found, one.id, actor=actor(by))
    if as_json:
        print_json(
            {
                "ok": result.error is None,
                "http_status": result.http_status,
                "latency_ms": result.latency_ms,
                "error": result.error,
            }
        )
    elif result.error is None:
        console.print(f"{one.shown} accepted it, in {result.latency_ms:.0f} ms.", soft_wrap=True)
    else:
        console.print(f"{one.shown} didn't accept it: {result.error}", soft_wrap=True)
    if result.error is not None:
        raise typer.Exit(1)


@app.command("log")
def log(
    company: CompanyArgument,
    channel: ChannelArgument,
    state: Annotated[MessageState | None, typer.Option(help="Only messages in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what was sent on a channel, and each try, the newest first."""
    with channel_session(company, channel) as (runtime, found, one):
        rows = service.messages(
            runtime, found, one.id, limit=limit, state=state.value if state else None
        )
    if as_json:
        print_json([message_document(row) for row in rows])
        return
    print_messages(found.slug, one, rows)


@app.command("send-again")
def send_again(
    company: CompanyArgument,
    channel: ChannelArgument,
    messages: Annotated[
        list[UUID] | None, typer.Argument(metavar="MESSAGE", help="Ids of messages, from the log.")
    ] = None,
    all_failed: Annotated[
        bool, typer.Option("--all-failed", help="Instead of ids: all that were given up.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Send messages once more, under the same ids; the next tick does it."""
    if all_failed == bool(messages):
        raise UsageError("give the ids of messages, or --all-failed")
    with channel_session(company, channel) as (runtime, found, one):
        again = service.send_again(
            runtime, found, one.id, messages or (), all_failed=all_failed, actor=actor(by)
        )
    if as_json:
        print_json({"ids": again})
    elif again:
        noun = "message is" if len(again) == 1 else "messages are"
        console.print(f"{len(again)} {noun} sent again with the next tick.")
    else:
        console.print("Nothing was given up.")


@app.command("remove")
def remove(
    company: CompanyArgument, channel: ChannelArgument, by: By = None, as_json: AsJson = False
) -> None:
    """Remove a channel with its log. To keep the log: notices change … --disable."""
    with channel_session(company, channel) as (runtime, found, one):
        service.remove_channel(runtime, found, one.id, actor=actor(by))
    if as_json:
        print_json({"id": one.id})
        return
    console.print(f"Removed {one.name} of {found.slug}.")


def _url(medium: Medium, url_from: str | None, to: list[str] | None) -> str | None:
    """The address of a webhook or of Slack. Raises `UsageError` for what doesn't fit the medium."""
    if medium is Medium.EMAIL:
        if url_from is not None:
            raise UsageError("an e-mail goes to addresses: give --to")
        if not to:
            raise UsageError("say whom e-mails go to, with --to ADDRESS")
        return None
    if to:
        raise UsageError("--to is for e-mails; the address of others is read by --url-from")
    return read_url(url_from, hidden=medium is Medium.SLACK)
