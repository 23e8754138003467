"""The log of Dagster's own processes: code server, daemon, web server, and the runs."""

import logging

from impact_in_pipelines.logs.setting_up import is_json, is_set_up, log_to_stderr

_THEIRS = ("dagster", "dagit", "dagster-webserver")
"""The loggers that Dagster gives a handler of its own, which writes to standard output."""


def log_as_dagster_process() -> None:
    """Send our lines to standard error, from LOG_LEVEL on, by default `info`; where they are JSON, Dagster's
    go the same way, from the level on that its own option names. Nothing happens in a process whose log is
    set up: a command of ours, or a run that was forked from one that has done this."""
    if is_set_up():
        return
    log_to_stderr("info")
    for name in _THEIRS:
        theirs = logging.getLogger(name)
        if is_json():
            theirs.handlers.clear()
        elif theirs.handlers:
            # They would come twice.
            theirs.propagate = False
