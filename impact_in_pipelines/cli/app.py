"""The commands. Dagster and other slow imports are made by the ones that need them."""

import typer

from impact_in_pipelines.cli.accounts import companies, connections, sessions, token
from impact_in_pipelines.cli.alerts import incidents, maintenance
from impact_in_pipelines.cli.deliveries import commands as deliveries
from impact_in_pipelines.cli.deliveries import deliver
from impact_in_pipelines.cli.demo import command as demo
from impact_in_pipelines.cli.dev import command as dev
from impact_in_pipelines.cli.impact import events
from impact_in_pipelines.cli.operating import (
    dagster_ui,
    database,
    platforms,
    reconcile,
    recover,
    sandbox,
    serve,
)
from impact_in_pipelines.cli.schedules import commands as schedules
from impact_in_pipelines.cli.sla import commands as sla

app = typer.Typer(
    name="impact-in",
    help="Impact figures delivered to Benevity, Goodera and Workday, on schedule, never twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(database.app, name="db")
app.add_typer(companies.app, name="companies")
app.add_typer(connections.app, name="connections")
app.add_typer(events.app, name="events")
app.add_typer(schedules.app, name="schedules")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(platforms.app, name="platforms")
app.add_typer(incidents.app, name="incidents")
app.add_typer(maintenance.app, name="maintenance")
app.add_typer(sla.app, name="sla")
app.add_typer(token.app, name="token")
app.add_typer(sessions.app, name="sessions")
app.command("deliver")(deliver.deliver)
app.command("sandbox")(sandbox.sandbox)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("dev")(dev.dev)
app.command("recover")(recover.recover)
app.command("reconcile")(reconcile.reconcile)
app.command("dagster-ui")(dagster_ui.dagster_ui)
