"""What a line of the log is about: bound where work enters, and on every line from there on.

A binding holds in its thread or task and in what is started from a copy of its context.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_bound: ContextVar[Mapping[str, Any]] = ContextVar("impact_in_log_fields", default=_NOTHING)
_bound_secrets: ContextVar[tuple[str, ...]] = ContextVar("impact_in_log_secrets", default=())
_known: set[str] = set()

FIELDS = "impact_in_fields"
"""The attribute of a log record that holds what `fields` was given."""


@contextmanager
def about(*, secrets: Iterable[str] = (), **fields: Any) -> Iterator[None]:
    """Put `fields` (`company`, `platform`, `delivery`, `attempt`, `run`, `request`, …) on every line while
    the block lasts, and mask `secrets` in them: those of the account that is worked for."""
    before = _bound.set({**_bound.get(), **fields})
    known = _bound_secrets.set((*_bound_secrets.get(), *secrets))
    try:
        yield
    finally:
        _bound.reset(before)
        _bound_secrets.reset(known)


def begin(*, secrets: Iterable[str] = (), **fields: Any) -> None:
    """The same for the rest of the block that this is called in, or of the thread: a run has its process to
    itself."""
    _bound.set({**_bound.get(), **fields})
    if more := tuple(secrets):
        _bound_secrets.set((*_bound_secrets.get(), *more))


def fields(**values: Any) -> dict[str, Any]:
    """For one line: `log.info("delivered", extra=fields(delivery=id))`."""
    return {FIELDS: values}


def bound() -> Mapping[str, Any]:
    """What is bound here and now."""
    return _bound.get()


def know_secrets(*values: str) -> None:
    """Mask these on every line of this process, from now on."""
    _known.update(value for value in values if value)


def known_secrets() -> tuple[str, ...]:
    """What is masked here and now, beside the environment's own secrets."""
    return (*_known, *_bound_secrets.get())
