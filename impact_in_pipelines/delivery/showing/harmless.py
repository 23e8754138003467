"""What the log is told of work never stops the work: a handler may fail, a drain goes on."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")


def harmless(say: Callable[_P, None]) -> Callable[_P, None]:
    """`say`, whose exceptions end in the log, if that takes any."""

    @wraps(say)
    def said(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            say(*args, **kwargs)
        except Exception:
            # The handler that failed may be this logger's too.
            with suppress(Exception):
                _log.exception("%s failed", say.__name__)

    return said
