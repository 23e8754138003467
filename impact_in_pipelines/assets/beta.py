"""The warnings of Dagster's that are silenced where assets are built, and nowhere else."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import BetaWarning

_KNOWN = ("Parameter `backfill_policy`", "Function `multi_observable_source_asset`")


@contextmanager
def knowingly_beta() -> Iterator[None]:
    """Build assets with a `backfill_policy` and those that are only observed in here: both are beta, a range
    in one run (D1) and the counted tables rest on them knowingly, and every process that loads the code would
    otherwise print the warnings first."""
    with warnings.catch_warnings():
        for beginning in _KNOWN:
            warnings.filterwarnings("ignore", beginning, BetaWarning)
        yield
