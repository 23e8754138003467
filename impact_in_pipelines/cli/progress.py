"""How far a long command is: a line at the bottom of the terminal, on standard error, and only there. Pipes,
files and `--json` get nothing of it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

from impact_in_pipelines.plain_text import plain
from impact_in_pipelines.progress import Tell, silent

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


class In(Enum):
    """How it is shown how much is done: of things that people count, of bytes, or of what means nothing to
    them, such as rows that are weighed: then in percent."""

    STEPS = "steps"
    BYTES = "bytes"
    SHARE = "share"


_ASK_EVERY_S = 1.0
SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def busy(text: str, *, quiet: bool = False) -> Iterator[None]:
    """Say that `text` is being done, and for how long it has been: how much there is nobody knows."""
    with _shown(_busy_columns, quiet) as bar:
        if bar is not None:
            bar.add_task(f"{plain(text)} …", total=None)
        yield


@contextmanager
def counted(
    text: str, total: int, left: Callable[[], int], *, quiet: bool = False
) -> Iterator[None]:
    """Say how many of `total` are done, and about how long the rest takes. `left` is asked each second, on a
    thread of its own, how many are left; what it raises ends the asking, not the work."""
    with _shown(_counted_columns, quiet or total == 0) as bar:
        if bar is None:
            yield
            return
        task = bar.add_task(plain(text), total=total)
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(_ASK_EVERY_S):
                try:
                    open_ = left()
                except Exception:  # the work says it
                    return
                # What has become due meanwhile makes it more.
                bar.update(task, completed=max(0, total - open_))

        asking = threading.Thread(target=follow, name="progress", daemon=True)
        asking.start()
        try:
            yield
        finally:
            ended.set()
            asking.join()


@contextmanager
def stepwise(text: str, shown: In = In.STEPS, *, quiet: bool = False) -> Iterator[Tell]:
    """Say how much is done, and about how long the rest takes. What is given back is called with what is done
    and what there is in all."""
    with _shown(lambda: _counted_columns(shown), quiet) as bar:
        if bar is None:
            yield silent
            return
        task = bar.add_task(plain(text), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _busy_columns() -> list[ProgressColumn]:
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    return [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    ]


def _counted_columns(shown: In = In.STEPS) -> list[ProgressColumn]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    how_much = {
        In.STEPS: MofNCompleteColumn,
        In.BYTES: DownloadColumn,
        In.SHARE: TaskProgressColumn,
    }
    return [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        how_much[shown](),
        TimeRemainingColumn(elapsed_when_finished=True),
    ]


@contextmanager
def _shown(columns: Callable[[], list[ProgressColumn]], quiet: bool) -> Iterator[Progress | None]:
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    # Only where a line is shown: most commands end sooner than this is imported.
    from rich.console import Console
    from rich.progress import Progress

    # Dagster redirects the standard streams to its logs while it executes a run.
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal:
        console = Console(file=terminal, force_terminal=True)
        with Progress(
            *columns(),
            console=console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as bar:
            yield bar
