"""The log of a process: where its lines go, from which level on, and in which form.

Set up before anything else is: the two settings (`LOG_LEVEL`, `LOG_FORMAT`) are read from the environment
here, and a value that doesn't hold is refused where all settings are (`read_settings`).
"""

import logging
import os
import sys
from contextlib import suppress
from typing import Literal, get_args

from impact_in_pipelines.plain_text import plain, unharmed

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["auto", "text", "json"]

_OURS = ("impact_in_pipelines", "impact_in")
_WITH_LEVELS = (*_OURS, "dagster", "dagit", "dagster-webserver", "uvicorn")
"""Whose level somebody chooses. Great Expectations chooses its own, and would talk at `info` everywhere."""
_terminal: bool | None = None


class PlainRecord(logging.LogRecord):
    """A record whose message is without control and bidi characters; ours is one line."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        said = super().getMessage()
        # Dagster lays its messages out in several lines.
        return plain(said) if self.name.partition(".")[0] in _OURS else unharmed(said)


class LineHandler(logging.Handler):
    """Writes each record as a line on standard error, in the process's form. What forms lines takes a moment
    to import, so that is left to the first of them: most commands say nothing here."""

    def __init__(self) -> None:
        super().__init__()
        self.written = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and record.name.partition(".")[0] not in _WITH_LEVELS:
            return
        try:
            if not self.written:
                self.setFormatter(line_formatter())
                self.written = True
            # Over a progress line, where there is one.
            clear = "\r\x1b[K" if _in_terminal() else ""
            print(f"{clear}{self.format(record)}", file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Python's own would print the arguments, whatever is in them."""
        with suppress(
            OSError, ValueError
        ):  # standard error is closed: there is nobody to say it to
            sys.stderr.write(f"a line of {record.name} could not be written\n")


def line_formatter() -> logging.Formatter:
    """What makes lines in the form that this process's log has."""
    from impact_in_pipelines.logs.lines import Lines  # structlog takes 50 ms

    colours = _in_terminal() and "NO_COLOR" not in os.environ
    return Lines(json=is_json(), colours=colours)


def log_to_stderr(level: LogLevel) -> None:
    """Send this process's log to standard error: our own lines from LOG_LEVEL on, where that isn't set from
    `level`; of libraries warnings and errors. Called again, it changes the level."""
    global _terminal
    _terminal = sys.stderr.isatty()
    logging.setLogRecordFactory(PlainRecord)
    root = logging.getLogger()
    if not any(isinstance(handler, LineHandler) for handler in root.handlers):
        root.addHandler(LineHandler())
    chosen = _chosen("LOG_LEVEL", get_args(LogLevel), level).upper()
    for name in _OURS:
        logging.getLogger(name).setLevel(chosen)


def is_set_up() -> bool:
    """Whether `log_to_stderr` was called in this process, or in the one that it was forked from."""
    return any(isinstance(handler, LineHandler) for handler in logging.getLogger().handlers)


def is_json() -> bool:
    """Whether this process's log is JSON: where nobody looks on, unless LOG_FORMAT says otherwise."""
    form = _chosen("LOG_FORMAT", get_args(LogFormat), "auto")
    return not _in_terminal() if form == "auto" else form == "json"


def _in_terminal() -> bool:
    """Whether standard error was one when the log was set up: while Dagster executes a run it leads elsewhere
    first."""
    return sys.stderr.isatty() if _terminal is None else _terminal


def _chosen(name: str, possible: tuple[str, ...], otherwise: str) -> str:
    value = os.environ.get(name, "").strip().lower()
    return value if value in possible else otherwise
