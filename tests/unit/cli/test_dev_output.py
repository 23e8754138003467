"""What `impact-in dev` prints of its processes' output."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from honcho.printer import Message

from impact_in_pipelines.cli.dev.output import REPEAT_AFTER, CalmPrinter, calm

RUN = "drain_goodera - 685220e9-e57c-4710-9d74-850aefd0d7de"
HEAD = "2026-11-24 11:53:18 +0000 - dagster"


def said(printer: CalmPrinter, name: str, *lines: str) -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for line in lines:
        printer.write(Message("line", f"{line}\n".encode(), at, name, None))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{HEAD} - DEBUG - {RUN} - 13723 - STEP_SUCCESS - Finished execution", None),
        (f"\x1b[32m{HEAD}\x1b[0m - \x1b[34mDEBUG\x1b[0m - {RUN} - RUN_START - Started", None),
        (f"{HEAD} - INFO - {RUN} - goodera_export - planned 1, sent 1", "drain_goodera: planned 1, sent 1"),
        (
            f"{HEAD} - ERROR - {RUN} - 13723 - RUN_CANCELED - Run was canceled.",
            "drain_goodera: cancelled; what it had not sent is due again",
        ),
        (
            f"{HEAD} - INFO - __ASSET_JOB - 6852 - goodera_export - planned 1, sent 1",
            "materialize: planned 1, sent 1",
        ),
        (
            f"{HEAD} - ERROR - __ASSET_JOB - 6852 - figures_checks - Dependencies for step figures_checks"
            " failed: ['goodera_export']. Not executing.",
            None,
        ),
    ],
    ids=["event", "coloured event", "report", "cancelled", "from the catalog", "checks of a failure"],
)  # fmt: skip
def test_a_run_is_one_line(line: str, told: str | None) -> None:
    """Its events are in the UI; here they would drive everything else off the screen."""
    assert calm(line) == told


@pytest.mark.parametrize(
    "line",
    [
        f"{HEAD} - WARNING - {RUN} - goodera_export - 1 deliveries are tried again in 300 s",
        f"{HEAD} - ERROR - {RUN} - 13723 - STEP_FAILURE - Execution of step failed",
        '  File "exports.py", line 1, in run_export',
        "Level 2 · SLA breach: success rate",
    ],
)
def test_what_somebody_may_have_to_act_on_stays_as_it_is(line: str) -> None:
    """Warnings, errors with their tracebacks, alerts."""
    assert calm(line) == line


TRACE = ("Stack Trace:", '  File "exports.py", line 1, in run_export', "    raise Failure(", "")
KNOWN = "dagster._core.definitions.events.Failure: 1 delivery to Goodera failed for good"


def test_a_failure_with_a_known_reason_is_one_line() -> None:
    """It is a delivery that somebody has to mend, and no fault of the code that a traceback would show."""
    out = StringIO()
    step = (
        f"{HEAD} - ERROR - {RUN} - 13723 - goodera_export - STEP_FAILURE - Execution of step failed"
    )
    run = f"{HEAD} - ERROR - {RUN} - 13723 - RUN_FAILURE - Execution of run failed."
    said(
        CalmPrinter("", out),
        "code",
        step,
        "",
        KNOWN,
        *TRACE,
        run,
        "",
        KNOWN,
        *TRACE,
        "Level 2 · SLA breach",
    )
    lines = [line.split("| ")[1] for line in out.getvalue().splitlines()]
    assert lines == [
        "drain_goodera failed: 1 delivery to Goodera failed for good",
        "Level 2 · SLA breach",
    ]


def test_of_any_other_failure_everything_is_told() -> None:
    """Its traceback is what leads to the cause."""
    out = StringIO()
    step = (
        f"{HEAD} - ERROR - {RUN} - 13723 - goodera_export - STEP_FAILURE - Execution of step failed"
    )
    said(CalmPrinter("", out), "code", step, "", "KeyError: 'x'", *TRACE[:3])
    lines = [line.split("| ", 1)[1] for line in out.getvalue().splitlines()]
    assert lines == [step, "KeyError: 'x'", *TRACE[:3]]


def test_a_run_that_was_stopped_is_one_line() -> None:
    """Whoever pressed Ctrl-C is shown no traceback of Dagster's, whichever moment it came in."""
    output = StringIO()
    said(
        CalmPrinter("", output),
        "code",
        f"{HEAD} - ERROR - {RUN} - 13723 - RUN_CANCELED - Execution of run was canceled",
        "",
        "dagster._core.errors.DagsterExecutionInterruptedError",
        *TRACE,
        f"{HEAD} - INFO - {RUN} - goodera_export - planned 1, sent 1",
    )
    lines = [line.partition("| ")[2] for line in output.getvalue().splitlines()]
    assert [line for line in lines if line] == [
        "drain_goodera: cancelled; what it had not sent is due again",
        "drain_goodera: planned 1, sent 1",
    ]


def test_a_run_that_was_ended_from_outside_is_not_passed_over() -> None:
    """Dagster counts it as failed and writes so twice: of its step and of the run."""
    output = StringIO()
    printer = CalmPrinter("", output)
    for event in ("sla_daily - STEP_FAILURE - Execution failed", "RUN_FAILURE - Interrupted"):
        head = f"{HEAD} - ERROR - {RUN} - 13723 - {event}"
        said(
            printer,
            "code",
            head,
            "",
            "dagster._core.errors.DagsterExecutionInterruptedError",
            *TRACE,
        )
    lines = [line.partition("| ")[2] for line in output.getvalue().splitlines()]
    assert [line for line in lines if line] == ["drain_goodera: interrupted, so it failed"]


def test_the_addresses_come_when_the_ui_is_up_and_again_before_they_scroll_away() -> None:
    """They hold the sign-in link."""
    out = StringIO()
    printer = CalmPrinter("http://here", out)
    said(printer, "sandbox", "ready")
    assert "http://here" not in out.getvalue()

    said(printer, "ui", "Serving dagster-webserver on http://127.0.0.1:3000 in process 1")
    assert out.getvalue().count("http://here") == 1
    said(printer, "code", *["a line"] * REPEAT_AFTER)
    assert out.getvalue().count("http://here") == 2


def test_a_process_that_ends_by_itself_is_told() -> None:
    """It ends everything, so somebody must learn which one it was."""
    out = StringIO()
    printer = CalmPrinter("", out)
    said(printer, "system", "daemon started (pid=1)", "daemon stopped (rc=1)")
    assert out.getvalue().splitlines()[0].endswith("daemon stopped (rc=1)")
    assert len(out.getvalue().splitlines()) == 1
    assert not printer.stopping


def test_an_orderly_stop_is_one_line() -> None:
    """Of the supervisor's own lines only what a person needs."""
    out = StringIO()
    printer = CalmPrinter("", out)
    said(printer, "system", "SIGINT received", "sending SIGTERM to ui (pid 2)", "ui stopped (rc=1)")
    assert printer.stopping
    assert out.getvalue().splitlines() == ["Stopping: what is under way is recorded first …"]
