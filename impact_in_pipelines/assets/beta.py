"""The one warning of Dagster's that is silenced where assets are built, and nowhere else."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import BetaWarning


@contextmanager
def single_run_backfills() -> Iterator[None]:
    """Build assets with a `backfill_policy` in here: it is beta, a range in one run (D1) rests on it
    knowingly, and every process that loads the code would otherwise print the warning first."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", BetaWarning)
        yield
