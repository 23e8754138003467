"""What a connector says about answers: what its contract promises, and what one of them means."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from impact_in_pipelines.delivery.states import ErrorKind


@dataclass(frozen=True, slots=True)
class Promise:
    """What a platform's contract promises about the answer to one request.

    `id_fields`: where the transaction id is, the first that is there counts. `counts`: fields that,
    where the answer has them, must hold this number. `arrived_codes`: error codes that say that an
    earlier attempt under `key` arrived.
    """

    title: str
    key: str
    id_fields: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    arrived_codes: frozenset[str] = frozenset()
    is_batch: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one answer means where the usual rules don't say it; made by `delivered`, `again` or `refused`.

    `kind` None: it was delivered, as `transaction_id` (None: the key is its id). `reason` is the platform's,
    for the log, which masks the account's secrets in it.
    """

    kind: ErrorKind | None
    retryable: bool = False
    reason: str = ""
    transaction_id: str | None = None


def delivered(transaction_id: str | None = None) -> Judgement:
    """It has arrived."""
    return Judgement(None, transaction_id=transaction_id)


def again(kind: ErrorKind, reason: str = "") -> Judgement:
    """It may pass: the retry plan goes on."""
    return Judgement(kind, retryable=True, reason=reason)


def refused(kind: ErrorKind, reason: str = "") -> Judgement:
    """No repetition changes it."""
    return Judgement(kind, reason=reason)
