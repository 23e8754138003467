"""`impact-in`: parse, call, print."""

import signal
import sys
import threading
from collections.abc import Callable

from impact_in_pipelines.errors import ImpactInError


def main() -> None:
    """Run the CLI. An `ImpactInError` is one line on standard error and its exit code, never a traceback."""
    app = _loaded()
    try:
        app(standalone_mode=True)
    except ImpactInError as error:
        from impact_in_pipelines.cli.output import fail

        fail(error)
    except BrokenPipeError:
        sys.exit(0)


def _loaded() -> Callable[..., object]:
    """The commands. Importing them takes a moment, in which Ctrl-C would otherwise print where Python was."""
    if threading.current_thread() is not threading.main_thread():
        return _app()
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return _app()
    finally:
        signal.signal(signal.SIGINT, before)


def _app() -> Callable[..., object]:
    from impact_in_pipelines.cli.app import app

    return app


if __name__ == "__main__":
    main()
