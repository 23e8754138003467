"""Which channel is meant, and addresses that must not stand on a command line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from impact_in_pipelines.cli.session import session
from impact_in_pipelines.cli.sources import read_line
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.notices.channels import NoticeChannel
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.alerts import NoticeChannelUnknown
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.notices.channels import channels

ChannelArgument = Annotated[
    str,
    typer.Argument(metavar="CHANNEL", help="A channel's name, its id or its first characters."),
]


def read_url(source: str | None, *, hidden: bool) -> str:
    """The address in the file `source` ('-': standard input); None: a person is asked for it, who sees what
    they type unless it is `hidden`. Raises `UsageError`, which never shows it."""
    if source is None:
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError(
                "give a file with the address by --url-from FILE, or - to read it here"
            )
        asked: str = typer.prompt("Address", hide_input=hidden, err=True)
        return asked.strip()
    return read_line(source, "the address")


@contextmanager
def channel_session(company: str, channel: str) -> Iterator[tuple[Runtime, Company, NoticeChannel]]:
    """The runtime for one command, with the company and its channel that are meant. Raises what `session`
    and `the_channel` raise, and `CompanyUnknown`."""
    with session() as runtime:
        found = runtime.companies.find(company)
        yield runtime, found, the_channel(runtime, found, channel)


def the_channel(runtime: Runtime, company: Company, text: str) -> NoticeChannel:
    """The company's channel that is called so, or whose id begins so. Raises `NoticeChannelUnknown`, and
    `UsageError` where several are meant."""
    listed = channels(runtime, company)
    wanted = text.strip().lower()
    found = [one for one in listed if one.name.lower() == wanted]
    if not found and len(wanted) >= 4:
        found = [one for one in listed if str(one.id).startswith(wanted)]
    if not found:
        raise NoticeChannelUnknown(text)
    if len(found) > 1:
        raise UsageError(f"{text!r} means several channels; give more of the id of one")
    return found[0]
