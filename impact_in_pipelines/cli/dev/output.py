"""What `impact-in dev` prints of its processes' output: a line for each run, warnings, where things are."""

import re
import sys
from typing import Any

from honcho.printer import Message, Printer

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_EVENT = re.compile(r"^\S+ \S+ \S+ - dagster - (?P<level>[A-Z]+) - (?P<job>\S+) - (?P<rest>.*)$")
_HARMLESS = (
    # The log catches up, not Dagster: said for each drain schedule when the daemon starts again.
    "has no partition set, so not trying to catch up",
    # The checks of days that were not sent, or of several: the line before says what became of them.
    "Dependencies for step figures_checks failed",
    "Skipping step figures_checks",
    # Great Expectations' report of itself.
    "for ephemeral docs site",
)
_OF_A_SENSOR = "__repository__"
_NAMELESS = "__ASSET_JOB"
"""What Dagster calls a run that somebody started from the catalog or a backfill; the UI shows it nowhere."""
_CANCELED = " - RUN_CANCELED - "
_STEP_FAILURE, _RUN_FAILURE = " - STEP_FAILURE - ", " - RUN_FAILURE - "
_KNOWN = "dagster._core.definitions.events.Failure: "
_INTERRUPTED = "dagster._core.errors.DagsterExecutionInterruptedError"
_OF_A_TRACE = ("Stack Trace:", " ", ",")
_UI_IS_UP = "Serving dagster-webserver"
_SYSTEM = "system"
_AS_IT_SHOULD = re.compile(r"stopped \(rc=(0|-15)\)")
REPEAT_AFTER = 40
"""Lines after which the addresses have gone from a terminal's screen."""


class CalmPrinter(Printer):  # type: ignore[misc]
    """Honcho's printer without Dagster's event log (the UI shows it). `addresses` are printed once the UI is
    up, and again after every `REPEAT_AFTER` lines."""

    def __init__(self, addresses: str, output: Any = None) -> None:
        super().__init__(output or sys.stdout)
        self._addresses = addresses
        self._since: int | None = None
        self._failures: dict[str, KnownFailures] = {}
        self.stopping = False

    def write(self, message: Message) -> None:
        """Print what of `message` is for people."""
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        if message.name == _SYSTEM:
            self._note_system(message, text)
            return
        failures = self._failures.setdefault(message.name, KnownFailures())
        for line in text.splitlines():
            for told in failures.without_traces(line):
                self._print(message._replace(data=told))
            if _UI_IS_UP in line:
                self._tell_addresses()

    def _note_system(self, message: Message, text: str) -> None:
        if " received" in text:
            self.stopping = True
            self._say("Stopping: what is under way is recorded first …")
        elif " stopped " in text and not (self.stopping or _AS_IT_SHOULD.search(text)):
            self._print(message)
        elif " stopped " in text and not self.stopping:
            self._say(f"{text.split()[0]} has ended, so everything is stopped.")

    def _print(self, message: Message) -> None:
        super().write(message)
        if self._since is not None:
            self._since += 1
            if self._since >= REPEAT_AFTER and not self.stopping:
                self._tell_addresses()

    def _tell_addresses(self) -> None:
        self._since = 0
        self._say(f"\n{self._addresses}\n")

    def _say(self, text: str) -> None:
        print(text, file=self.output, flush=True)


class KnownFailures:
    """Makes one line of a run that failed for a reason we know: a `dagster.Failure` has said all there is to
    say, yet Dagster writes two tracebacks of our own code. So it does of a run that was stopped. Of any other
    failure everything stays."""

    def __init__(self) -> None:
        self._held: str | None = None
        self._in_trace = False

    def without_traces(self, line: str) -> list[str]:
        """What is to be printed when `line` comes."""
        plain = _ANSI.sub("", line)
        if self._in_trace and (not plain.strip() or plain.startswith(_OF_A_TRACE)):
            return []
        self._in_trace = False
        if (
            self._held is not None and not plain.strip()
        ):  # Dagster puts a blank line before the cause
            return []
        held, self._held = self._held, None
        if plain.startswith(_INTERRUPTED):
            # Of a run that was stopped; `calm` says of the event that it was cancelled. One whose process was
            # ended from outside is said to have failed twice: of its step and of itself.
            self._in_trace = True
            found = _EVENT.match(held or "")
            failed = found is not None and _RUN_FAILURE in found["rest"]
            return [f"{_job(found)}: interrupted, so it failed"] if failed and found else []
        if held is not None and plain.startswith(_KNOWN):
            self._in_trace = True
            found = _EVENT.match(held)
            once = found is not None and _STEP_FAILURE in found["rest"]
            return [f"{_job(found)} failed: {plain.removeprefix(_KNOWN)}"] if once and found else []
        before = [] if held is None else [held]
        if (found := _EVENT.match(plain)) and (
            _STEP_FAILURE in found["rest"] or _RUN_FAILURE in found["rest"]
        ):
            self._held = plain
            return before
        told = calm(line)
        return before if told is None else [*before, told]


def calm(line: str) -> str | None:
    """`line` as it is worth printing; None if it isn't. Of a run's events only what its steps report, without
    ids, warnings and errors; everything else as it is."""
    found = _EVENT.match(_ANSI.sub("", line))
    if found is None:
        return None if _is_harmless(line) else line
    if found["level"] == "DEBUG" or _is_harmless(line):
        return None
    if _CANCELED in found["rest"]:  # Dagster calls it an error
        return f"{_job(found)}: cancelled; what it had not sent is due again"
    if found["level"] == "INFO":
        return f"{_job(found)}: {found['rest'].split(' - ')[-1]}"
    return line


def _is_harmless(line: str) -> bool:
    return any(words in line for words in _HARMLESS)


def _job(event: re.Match[str]) -> str:
    """The name that people know the run's job by, or the sensor's."""
    if event["job"] == _OF_A_SENSOR:
        return event["rest"].split(" - ")[0]
    return "materialize" if event["job"] == _NAMELESS else event["job"]
