"""`impact-in`: parse, call, print."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.loading import without_collecting
from impact_in_pipelines.logs.setting_up import log_to_stderr

INTERRUPTED = 128 + signal.SIGINT
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _CtrlC:
    """Whether SIGINT has come while no command caught it."""

    def __init__(self) -> None:
        self.came = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note SIGINT, which raises `KeyboardInterrupt` as ever; one that is ignored, as in what a script
        starts with `&`, stays so."""
        ours = threading.current_thread() is threading.main_thread()
        if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return

        def interrupt(*_: object) -> None:
            self.came = True
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> None:
    """Run the CLI. An `ImpactInError` is one line on standard error and its exit code, never a traceback;
    so is wrong usage, and so is Ctrl-C, with 130, in commands that have no way of their own to end."""
    log_to_stderr("warning")
    run = _loaded()
    ctrl_c = _CtrlC()
    try:
        with ctrl_c.watched():
            code = run()
            if sys.stdout is not None:  # closed by whoever started us
                sys.stdout.flush()  # at the interpreter's end nobody could say that it failed
    except ImpactInError as error:
        from impact_in_pipelines.cli.output import fail

        fail(error)
    except BrokenPipeError:
        _leave_unheard()
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        from impact_in_pipelines.cli.output import print_error

        what = error.filename or "the output"
        print_error(f"{what} can't be written: {error.strerror}")
        _leave_unheard(1)
    except (KeyboardInterrupt, SystemExit) as left:
        if ctrl_c.came and getattr(left, "code", INTERRUPTED) != 0:
            _leave_interrupted()
        raise
    if ctrl_c.came and code != 0:
        # Typer has made an exit of its own of it, and says nothing.
        _leave_interrupted()
    sys.exit(code)


def _leave_unheard(code: int = 0) -> NoReturn:
    """What is left of the output goes nowhere: the interpreter would try it again, and say that it failed."""
    if sys.stdout is not None:  # closed by whoever started us
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _leave_interrupted() -> NoReturn:
    sys.stderr.write("\rStopped by Ctrl-C before it was done.\n")
    sys.exit(INTERRUPTED)


def _loaded() -> Callable[[], int]:
    """The commands. Importing them takes a moment, in which Ctrl-C would otherwise print where Python was."""
    if threading.current_thread() is not threading.main_thread():
        return _app()
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return _app()
    finally:
        signal.signal(signal.SIGINT, before)


def _app() -> Callable[[], int]:
    with without_collecting():
        from impact_in_pipelines.cli.running import runner

        return runner(sys.argv[1:])


if __name__ == "__main__":
    main()
