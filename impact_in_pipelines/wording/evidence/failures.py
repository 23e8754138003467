"""Why deliveries failed, in the reader's language: by the kind of failure, with the platform's own words as
they came. The log keeps what it has: one English line, which readers of English get as it is."""

import re
from collections.abc import Callable, Mapping

from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.wording.evidence.clauses import ALERTS, DELIVERIES, NOTICES, known_again
from impact_in_pipelines.wording.marking import N_

KINDS: Mapping[str, str] = {
    ErrorKind.NETWORK: N_("The platform couldn't be reached."),
    ErrorKind.TIMEOUT: N_("The platform didn't answer in time."),
    ErrorKind.RATE_LIMITED: N_("The platform takes no more requests for now."),
    ErrorKind.SERVER_ERROR: N_("The platform has a fault of its own."),
    ErrorKind.BAD_RESPONSE: N_("The platform's answer isn't what it promises."),
    ErrorKind.AUTHENTICATION: N_("The platform refuses the account's credentials."),
    ErrorKind.REJECTED: N_("The platform refuses what was sent."),
    ErrorKind.BATCH_REFUSED: N_("The platform refused several together; each is sent by itself."),
    ErrorKind.UNRESOLVED: N_("Nobody knows whether it has arrived."),
    ErrorKind.DATA_QUALITY: N_("The data don't pass the checks, so that nothing was sent."),
    ErrorKind.CONFIGURATION: N_("The connection's settings can't be used."),
}

CLAUSES = (
    N_("no TLS connection: its certificate isn't trusted; nothing was sent"),
    N_("no TLS connection; nothing was sent"),
    N_("no TLS connection"),  # as older ones said it
    N_("the TLS connection was broken off; nothing was sent"),
    N_("the host name isn't known; check the base URL"),
    N_("the connection was refused; nothing was sent"),
    N_("no connection within the connect time-out; nothing was sent"),
    N_("no whole answer within the read time-out; it may have arrived"),
    N_("the answer's encoding doesn't hold; it may have arrived"),
    N_("the connection broke before the whole answer; it may have arrived"),
    N_("the base URL isn't https; nothing was sent"),
    N_("the base URL leads to an address that isn't public; nothing was sent"),
)
"""What `connectors` say of an answer that didn't come."""

ANSWERED = N_("%(platform)s answered %(answer)s.")
ANSWERED_SAYING = N_("%(platform)s answered %(answer)s: “%(words)s”.")
WAITS = N_("The platform asked to wait until %(until)s.")
AS_IT_STANDS = N_("The log says: “%(words)s”.")

_WAIT = re.compile(r"; the platform asked to wait until (\d{4}-\d\d-\d\d \d\d:\d\d UTC)\Z")
_ANSWER = re.compile(
    r"(?P<platform>\w+) answered (?P<answer>(?:HTTP \d{3}|success: false)(?: [A-Z][A-Z0-9_]*)?)"
    r"(?: \(check [^)]*\))?(?:: (?P<words>.+))?",
    re.S,
)


def failure_in(
    text: Callable[[str], str], kind: str | None, kept: str | None, *, english: bool
) -> str | None:
    """What the log keeps of a failure (`kept`, None: nothing), for a reader of another language."""
    if kept is None or english:
        return kept
    line, told = kept, []
    if kind is not None and kind in KINDS:
        told.append(text(KINDS[kind]))
    wait = _WAIT.search(line)
    if wait:
        line = line[: wait.start()]
    told.append(_said(text, line))
    if wait:
        told.append(text(WAITS) % {"until": wait[1]})
    return " ".join(told)


def _said(text: Callable[[str], str], line: str) -> str:
    if found := _ANSWER.fullmatch(line):
        return text(ANSWERED_SAYING if found["words"] else ANSWERED) % found.groupdict()
    platform, colon, clause = line.partition(": ")
    if colon and clause in CLAUSES:
        return f"{platform}: {text(clause)}."
    if ours := known_again(text, line, DELIVERIES):
        return f"{ours}."
    return text(AS_IT_STANDS) % {"words": line}


def trouble_in(text: Callable[[str], str], kept: str) -> str:
    """Why a channel took no notice or no alert; what is no sentence of ours stays as it is."""
    return known_again(text, kept, (*NOTICES, *CLAUSES, *ALERTS)) or kept
