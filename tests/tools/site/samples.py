"""The commands of a page, and whether they print what the page shows.

A block of `sh` is run, and the lines of one of `console` that begin with `$`; a block of `text` after it is what it prints.
In what is shown `…` stands for anything, dates, times, durations and ids for any of theirs; an id that is shown and typed
later is the one that was printed. A comment before a block says more: `<!-- not run: REASON -->`; `<!-- run by TEST -->`, a
test that reads the page; `<!-- with NAME=VALUE; … -->`, what a reader would put in place of a name; and before what it
prints `<!-- exit code N -->`. A block of Python has one of the first two.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLLOWED = (
    "quick-start.md",
    "how-to/onboard-a-company.md",
    "how-to/connect-a-platform.md",
    "how-to/import-events.md",
    "how-to/calendars-and-windows.md",
    "how-to/backfill-missed-days.md",
    "how-to/replay-after-an-outage.md",
    "runbook.md",
    "how-to/read-a-report.md",
    "../README.md",
    "scheduling.md",
    "cockpit.md",
    "evidence.md",
    "notices.md",
    "how-to/restore-a-backup.md",
    "api.md",
    "sla.md",
    "security.md",
    "how-to/rotate-keys.md",
)
"""The pages below docs/ whose commands are run, in this order, by somebody who reads one after the other."""

_PART = re.compile(
    r"(?:^<!-- (?P<note>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_TYPED = re.compile(r"^\$ .*(?:(?<=\\)\n.*)*", re.MULTILINE)
"""What follows a prompt, with the lines that a backslash joins to it."""
_END = "@@ends"
_ID = r"[0-9a-f]{8}"
_ANY = (
    (rf"\b{_ID}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b", "UUID"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b\d\d-\d\d\b", "DAY"),
    (r"\b\d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b", "WEEKDAY"),
    (r"\bCES?T\b", "ZONE"),
    (r"\b[\d.]+ (ms|s)\b", "LONG"),
)


@dataclass
class Sample:
    """A block of commands, what the page says that it prints (None: nothing is said), and its exit code."""

    commands: str
    shown: str | None = None
    code: int = 0
    not_run: str = ""
    run_by: str = ""
    instead: dict[str, str] = field(default_factory=dict)


def samples(page: str) -> list[Sample]:
    """The blocks of a page in their order."""
    found: list[Sample] = []
    last = 0
    for part in _PART.finditer(page):
        note = part["note"] or ""
        beside = not page[last : part.start()].strip()
        if part["language"] in ("sh", "console", "python"):
            text = part["text"]
            if part["language"] == "console":
                text = "\n".join(_TYPED.findall(text)).replace("$ ", "", 1).replace("\n$ ", "\n")
            found.append(Sample(text))
            kind, _, rest = note.partition(" ")
            if note.startswith("not run: "):
                found[-1].not_run = note.removeprefix("not run: ")
            elif note.startswith("run by "):
                found[-1].run_by = note.removeprefix("run by ")
            elif kind == "with":
                found[-1].instead = dict(one.strip().split("=", 1) for one in rest.split(";"))
        elif part["language"] == "text" and found and beside:
            found[-1].shown = part["text"]
            if note.startswith("exit code "):
                found[-1].code = int(note.removeprefix("exit code "))
        last = part.end()
    return found


class Shell:
    """One bash for a page: its variables, folder and environment last from block to block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str) -> tuple[str, int]:
        """What `commands` print, errors among it, and the exit code of the first that fails, or of none."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(
            f"_worst=0; trap '_c=$?; [ $_worst != 0 ] || _worst=$_c' ERR\n{commands}\n"
            f"trap - ERR; printf '\\n{_END} %s\\n' $_worst\n"
        )
        self._bash.stdin.flush()
        lines: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(_END):
                return "".join(lines)[:-1], int(line.split()[1])
            lines.append(line)
        raise AssertionError("the shell has ended:\n" + "".join(lines))

    def close(self) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write("kill $(jobs -p) 2>/dev/null; wait\n")
        self._bash.communicate(timeout=30)


def play(page: str, shell: Shell) -> Iterator[str]:
    """Run the page's blocks. Yields what is wrong, and stops there, and each reason for not running a block."""
    ids: dict[str, str] = {}
    for sample in samples(page):
        if sample.not_run:
            yield f"not run ({sample.not_run}): {sample.commands.splitlines()[0]}"
            continue
        if sample.run_by:
            continue
        commands = re.sub(_ID, lambda one: ids.get(one[0], one[0]), sample.commands)
        for name, value in sample.instead.items():
            commands = commands.replace(name, value)
        printed, code = shell.run(commands)
        if code != sample.code:
            yield f"FAILED with exit code {code}:\n{commands}\n{printed}"
            return
        if sample.shown is not None and not matches(sample.shown, printed, ids):
            yield f"FAILED: printed something else:\n{commands}\n{printed}\ninstead of\n{sample.shown}"
            return


def matches(shown: str, printed: str, ids: dict[str, str]) -> bool:
    """Whether `printed` is what is `shown`; ids that stand for others are added to `ids`."""
    names: dict[str, str] = {}
    pattern = []
    for line in shown.rstrip("\n").split("\n"):
        if line.strip() == "…":
            pattern.append(r"(?:.*\n)*?")
        else:
            pattern.append(_line(line, names) + r"[ ]*\n")
    found = re.fullmatch("".join(pattern) + r"\s*", _squeezed(printed) + "\n")
    if found is None:
        return False
    ids.update({shown_id: found[name] for shown_id, name in names.items()})
    return True


def _squeezed(text: str) -> str:
    """Columns may be wider or narrower; what is drawn around them isn't compared."""
    return "\n".join(re.sub(r"[ ]+", " ", line).strip() for line in text.split("\n"))


def _line(line: str, names: dict[str, str]) -> str:
    for form, kind in _ANY:
        line = re.sub(form, f"\0{kind}\0", line)
    pieces = re.split(rf"(\0\w+\0|…|\b{_ID}\b)", _squeezed(line))
    forms = {kind: form.replace(r"\b", "") for form, kind in _ANY}
    made = []
    for piece in pieces:
        kind = piece.strip("\0")
        if piece == "…":
            made.append(".*?")
        elif piece.startswith("\0"):
            made.append(f"(?:{forms[kind]})")
        elif re.fullmatch(_ID, piece):
            known = piece in names
            name = names.setdefault(piece, f"id{len(names)}")
            made.append(f"(?P={name})" if known else rf"(?P<{name}>{_ID})")
        else:
            made.append(re.escape(piece))
    return "".join(made)
