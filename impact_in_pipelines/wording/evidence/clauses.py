"""Sentences of ours that the log keeps in English, known again with their parameters, for the translators."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from impact_in_pipelines.wording.marking import N_

DELIVERIES = (
    N_("%(company)s has no usable connection to %(platform)s"),
    N_(
        "the stored credentials of %(company)s for %(platform)s can't be decrypted with the present keys; "
        "add the key they were written with, or set them again"
    ),
    N_(
        "the stored credentials of %(company)s for %(platform)s were entered for another address than the "
        "present base URL; enter them again"
    ),
    N_(
        "%(platform)s credentials must be exactly %(wanted)s; missing: %(missing)s; too much: %(unknown)s"
    ),
    N_("%(platform)s credentials must be exactly %(wanted)s; missing: %(missing)s"),
    N_("%(platform)s credentials must be exactly %(wanted)s; too much: %(unknown)s"),
    N_("%(platform)s credentials: %(name)s can't be used"),
    N_("%(platform)s account is set to OAuth, but has no client id and secret"),
    N_("%(platform)s account has no organisation id"),
    N_("%(platform)s base URL must be http(s)://host/path without user, query or spaces"),
    N_(
        "%(count)s workers in a row died before they could record how the attempt ended; it may have "
        "arrived. See why they died (memory, the run's log), then replay it, under the same key"
    ),
    N_(
        "%(count)s workers in a row died before anything of it was sent. See why they died (memory, the "
        "run's log), then replay it"
    ),
    N_("%(platform)s answered a success that isn't the promised JSON"),
    N_("%(platform)s answered a success without %(fields)s"),
    N_("no figures for %(first)s to %(last)s; check the company and its time zone, then replay"),
)
"""Why a delivery can't be sent, or what an answer lacked."""

NOTICES = (
    N_("answered HTTP %(status)s"),
    N_("its address isn't encrypted; nothing was sent"),
    N_("its address isn't a public one; nothing was sent"),
    N_("its address can't be used; nothing was sent"),
    N_("its address can't be decrypted with the present keys"),
    N_("it can't be sent for a fault of the program's own, which its log has"),
    N_("no server for e-mails is set up in this installation"),
    N_("the mail server refuses the installation's account"),
    N_("the mail server takes none of the addresses"),
    N_("the mail server offers no encryption; nothing was sent"),
    N_("the mail server answered %(status)s"),
    N_("the mail server didn't answer in time"),
    N_("the mail server's certificate isn't trusted; nothing was sent"),
    N_("no TLS connection to the mail server"),
    N_("the mail server can't be reached (%(what)s)"),
    N_("the host name isn't known"),
)
"""Why a channel of a company's took no notice, beside `failures.CLAUSES`."""

ALERTS = (
    N_("%(channel)s answered HTTP %(status)s without accepting the event"),
    N_("%(channel)s answered HTTP %(status)s"),
    N_("%(channel)s didn't answer in time"),
    N_("%(channel)s can't be reached (%(what)s)"),
)
"""Why Slack or PagerDuty took no alert."""

_NAME = re.compile(r"%\((\w+)\)s")
_SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "status": r"\d{3}(?: [a-z0-9_]+)?",
        "count": r"\d+",
        "platform": r"\w+",
        "channel": r"(?:Slack|PagerDuty)",
        "what": r"\w+",
    }
)


def known_again(text: Callable[[str], str], line: str, sentences: Iterable[str]) -> str | None:
    """`line` in the language of `text`, if it is one of `sentences`; the first that fits counts."""
    for sentence in sentences:
        if found := _pattern(sentence).fullmatch(line):
            return text(sentence) % found.groupdict()
    return None


def _pattern(sentence: str) -> re.Pattern[str]:
    if sentence not in _PATTERNS:
        pieces = _NAME.split(sentence)
        # Every second piece is a parameter's name.
        _PATTERNS[sentence] = re.compile(
            "".join(
                f"(?P<{piece}>{_SHAPES.get(piece, '.+')})" if n % 2 else re.escape(piece)
                for n, piece in enumerate(pieces)
            ),
            re.S,
        )
    return _PATTERNS[sentence]


_PATTERNS: dict[str, re.Pattern[str]] = {}
