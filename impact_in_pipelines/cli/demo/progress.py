"""How far the demo is: a bar in a terminal, a line for each step anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from impact_in_pipelines.cli.output import console


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """A function that is told each of `steps` steps as it begins."""
    if not console.is_terminal:
        yield _lines()
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=steps)
        # The first step has begun, not ended.
        ended = iter([0, *[1] * steps])
        yield lambda text: bar.update(task, description=text, advance=next(ended, 0))


def _lines() -> Callable[[str], None]:
    started = time.monotonic()

    def tell(text: str) -> None:
        console.print(f"{time.monotonic() - started:3.0f} s  {text} …", soft_wrap=True)
        console.file.flush()  # a pipe would keep the lines until the end

    return tell
