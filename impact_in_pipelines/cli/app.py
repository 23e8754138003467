"""The commands, by name. Only the module of the one that is called is imported: all of them take a second."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer

from impact_in_pipelines import __version__

_Found = typer.Typer | Callable[..., None]
_GROUP = "app"


@dataclass(frozen=True, slots=True)
class Command:
    """A command or a group of commands: `attribute` of a module in `impact_in_pipelines.cli`, and the line
    that the list of all commands has for it (which is the first of its own help)."""

    module: str
    attribute: str
    line: str


COMMANDS = {
    "deliver": Command(
        "deliveries.deliver",
        "deliver",
        "Send what is due now, retries included; with --from and --to, send those days.",
    ),
    "sandbox": Command(
        "operating.sandbox",
        "sandbox",
        "Run stand-ins for Benevity, Goodera, Workday, Slack and PagerDuty until Ctrl-C.",
    ),
    "serve": Command(
        "operating.serve", "serve", "Serve the REST API and the cockpit until Ctrl-C."
    ),
    "demo": Command(
        "demo.command",
        "demo",
        "Deliver a made-up quarter of a dozen companies to the sandbox, some of them misbehaving.",
    ),
    "dev": Command(
        "dev.command",
        "dev",
        "Start Dagster (UI on 3000), the API with the cockpit (3007) and the sandbox (3999); "
        "Ctrl-C stops all.",
    ),
    "doctor": Command(
        "operating.doctor",
        "doctor",
        "Examine the installation, and say what is wrong and what to do: a line for each finding.",
    ),
    "overview": Command(
        "operating.overview",
        "overview",
        "Show all companies and platforms: queues, the companies in trouble, open incidents.",
    ),
    "recover": Command(
        "operating.recover",
        "recover",
        "Mark Dagster runs that a crash left unfinished as failed, and free their pool slots.",
    ),
    "reconcile": Command(
        "operating.reconcile",
        "reconcile",
        "After a restore from a dump, mark deliveries that had arrived and that the database doesn't know.",
    ),
    "retention": Command(
        "operating.retention",
        "retention",
        "Archive and remove what is older than the RETENTION_ settings say, as the nightly job does.",
    ),
    "dagster-ui": Command("operating.dagster_ui", "dagster_ui", "Serve Dagster's UI until Ctrl-C."),
    "analytics": Command(
        "analytics.commands",
        "analytics",
        "Compare platforms, hours of the day and what calls cost; trends of success, latency and volume.",
    ),
    "db": Command("operating.database", _GROUP, "Set up the database."),
    "companies": Command(
        "accounts.lives",
        _GROUP,
        "Add, list, rename companies; switch them off and on; export and erase them.",
    ),
    "participants": Command("accounts.participants", _GROUP, "Erase a person's data."),
    "connections": Command(
        "accounts.connections", _GROUP, "Set, list and test accounts on the platforms."
    ),
    "events": Command("impact.events", _GROUP, "Import impact events."),
    "schedules": Command(
        "schedules.commands", _GROUP, "Create, change, pause and preview delivery schedules."
    ),
    "deliveries": Command(
        "deliveries.correcting", _GROUP, "Look at deliveries, send them again, call them off."
    ),
    "platforms": Command(
        "operating.platforms",
        _GROUP,
        "List, hold and resume platforms and connections. What is due waits, and nothing fails.",
    ),
    "incidents": Command("alerts.incidents", _GROUP, "List incidents and acknowledge them."),
    "maintenance": Command(
        "alerts.maintenance",
        _GROUP,
        "Add, list and end windows in which alerts keep quiet. What happens in them is recorded and shown.",
    ),
    "sla": Command("sla.commands", _GROUP, "Service levels: status, reports, thresholds."),
    "evidence": Command(
        "evidence.commands",
        _GROUP,
        "Export evidence of what was delivered, verify such an archive, publish heads.",
    ),
    "notices": Command(
        "notices.commands", _GROUP, "Set up where companies are notified: e-mail, Slack, webhooks."
    ),
    "token": Command("accounts.api_tokens", _GROUP, "Make, list and revoke tokens for the API."),
    "sessions": Command(
        "accounts.sessions", _GROUP, "List and end the cockpit's sessions; make sign-in links."
    ),
}


def app(arguments: Sequence[str] | None = None) -> typer.Typer:
    """The program for these arguments: whatever they may call is there, of everything else the name and the
    line in the list of commands. Without arguments (None): all of it."""
    program = typer.Typer(
        name="impact-in",
        help="Impact figures delivered to CSR platforms, on schedule, never twice.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    program.callback()(_options)
    for name, command in COMMANDS.items():
        called = arguments is None or name in arguments
        found = _imported(command) if called else _stand_in(command)
        if isinstance(found, typer.Typer):
            program.add_typer(found, name=name)
        else:
            program.command(name)(found)
    return program


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"impact-in {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None: ...


def _imported(command: Command) -> _Found:
    found: _Found = getattr(
        import_module(f"impact_in_pipelines.cli.{command.module}"), command.attribute
    )
    return found


def _stand_in(command: Command) -> _Found:
    if command.attribute == _GROUP:
        return typer.Typer(help=command.line)

    def not_called() -> None: ...

    not_called.__doc__ = command.line
    return not_called
