"""Lines of the log: a record and what is bound around it, without secrets, as JSON or for people.

Whatever stands on a line is masked: the message, what is filled into it, fields, and the text of an
exception. Known are the secrets in the environment, those of the account that is worked for
(`context.about`), and whatever looks like one (`redaction.redactor`).
"""

import logging
import os
import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer

from impact_in_pipelines.logs.context import FIELDS, bound, known_secrets
from impact_in_pipelines.plain_text import plain, unharmed
from impact_in_pipelines.redaction.masking import hidden
from impact_in_pipelines.redaction.redactor import Redactor, is_secret_name

_LONGEST = 4_000
"""Characters of one value."""
_MOST = 20
"""Of a list."""
_LONGEST_TRACE = 60
"""Lines of an exception's text, from its end."""
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|API_KEY|INTEGRATION_KEY|WEBHOOK_URL|PRIVATE_KEY")
_PUBLIC_NAME = re.compile(r"_(SECONDS|MINUTES|HOURS|DAYS|MS|FILE|PATH|URI)$")
_DAGSTER = {"run_id": "run", "job_name": "job", "step_key": "step"}
_AS_THEY_ARE = (bool, int, float, type(None))


class Lines(logging.Formatter):
    """Makes a line of a record: as JSON, or with `json` false for people."""

    def __init__(self, *, json: bool, colours: bool = False) -> None:
        super().__init__()
        self._json = json
        self._environment = _environment_secrets()
        self._render: Any = (
            JSONRenderer(ensure_ascii=False, separators=(",", ":"))
            if json
            else ConsoleRenderer(colors=colours, sort_keys=False, pad_event_to=0)
        )

    def format(self, record: logging.LogRecord) -> str:
        redactor = _redactor(known_secrets(), self._environment)
        at = datetime.fromtimestamp(record.created, UTC)
        event: dict[str, Any] = {
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
            if self._json
            else f"{at:%Y-%m-%d %H:%M:%S}Z",
            "level": record.levelname.lower(),
            "event": _message(redactor, record),
        }
        if self._json:
            event["logger"] = record.name
        for name, value in _about(record).items():
            event[name] = _value(redactor, name, value)
        if record.exc_info and record.exc_info[0] is not None:
            event["exception"] = "\n".join(_trace(redactor, record.exc_info))
        line: str = self._render(None, event["level"], event)
        return line


def _message(redactor: Redactor, record: logging.LogRecord) -> str:
    if not record.args:
        return _text(redactor, str(record.msg))
    try:
        return redactor.text(record.getMessage(), _LONGEST)
    except (TypeError, ValueError):  # the arguments don't fit: they may be anything
        return _text(redactor, str(record.msg))


def _about(record: logging.LogRecord) -> Mapping[str, Any]:
    """What is bound, and the record's own fields, which count more."""
    own = getattr(record, FIELDS, {})
    of_dagster = getattr(record, "dagster_meta", None) or {}
    run = {ours: of_dagster[theirs] for theirs, ours in _DAGSTER.items() if of_dagster.get(theirs)}
    return {**bound(), **run, **own}


def _value(redactor: Redactor, name: str, value: Any) -> Any:
    if isinstance(value, _AS_THEY_ARE):
        return value
    if is_secret_name(name):
        return hidden(value)
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.isoformat(timespec="seconds")
        case Mapping():
            return redactor.members(value)
        case list() | tuple() | set() | frozenset():
            return [_value(redactor, name, one) for one in list(value)[:_MOST]]
        case _:
            return _text(redactor, str(value))


@lru_cache(maxsize=4_096)
def _text(redactor: Redactor, text: str) -> str:
    return redactor.text(plain(text), _LONGEST)


def _trace(redactor: Redactor, exc_info: Any) -> Iterator[str]:
    """The exception's text, masked as a whole and then line by line, without values of variables."""
    lines = redactor.lines("".join(traceback.format_exception(*exc_info)).rstrip())
    if len(lines) > _LONGEST_TRACE:
        yield f"… {len(lines) - _LONGEST_TRACE} lines before"
    for line in lines[-_LONGEST_TRACE:]:
        indent = line[: len(line) - len(line.lstrip())]
        yield indent + redactor.text(unharmed(line), _LONGEST)


@lru_cache(maxsize=512)
def _redactor(known: tuple[str, ...], environment: tuple[str, ...]) -> Redactor:
    return Redactor((*known, *environment))


def _environment_secrets() -> tuple[str, ...]:
    """Values of variables whose names say that they are secret, and the passwords in URLs."""
    found: list[str] = []
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and not _PUBLIC_NAME.search(name):
            found += [part.strip() for part in value.split(",")] if "," in value else [value]
        elif "://" in value:
            try:
                password = urlsplit(value).password
            except ValueError:
                continue
            found += [password, unquote(password)] if password else []
    return tuple(one for one in dict.fromkeys(found) if len(one) >= _SHORTEST)


_SHORTEST = 6
"""A shorter value would be found in ordinary words."""
