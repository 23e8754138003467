"""What `impact-in dev` prints of its processes' output: a line for each run, warnings, where things are."""

import re
import sys
from typing import Any

from honcho.printer import Message, Printer

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_EVENT = re.compile(r"^\S+ \S+ \S+ - dagster - (?P<level>[A-Z]+) - (?P<job>\S+) - (?P<rest>.*)$")
# The log catches up, not Dagster: said for each drain schedule when the daemon starts again.
_HARMLESS = "has no partition set, so not trying to catch up"
_CANCELED = " - RUN_CANCELED - "
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
        self.stopping = False

    def write(self, message: Message) -> None:
        """Print what of `message` is for people."""
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        if message.name == _SYSTEM:
            self._note_system(message, text)
            return
        for line in text.splitlines():
            told = calm(line)
            if told is not None:
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


def calm(line: str) -> str | None:
    """`line` as it is worth printing; None if it isn't. Of a run's events only what its steps report, without
    ids, warnings and errors; everything else as it is."""
    found = _EVENT.match(_ANSI.sub("", line))
    if found is None:
        return None if _HARMLESS in line else line
    if found["level"] == "DEBUG":
        return None
    if _CANCELED in found["rest"]:  # Dagster calls it an error
        return f"{found['job']}: cancelled; what it had not sent is due again"
    if found["level"] == "INFO":
        return f"{found['job']}: {found['rest'].split(' - ')[-1]}"
    return line
