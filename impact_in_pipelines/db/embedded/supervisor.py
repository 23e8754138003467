"""Runs PostgreSQL as its child and stops it when nobody uses it any more.

Started as a program of its own (`python -I -S supervisor.py`), because it must outlive whoever started it; it
imports nothing of ours and little of Python's, and takes a few megabytes.

Every process that uses the server holds a shared lock on one file, which the kernel takes back however the
process ends. This one waits for the exclusive lock: it gets it when the last of them is gone. As the server's
parent it can't mistake another process for it: a child's number is not given away before its parent has
asked for its end.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time

_PATIENCE_S = 60.0
_MORE_PATIENCE_S = 20.0


def main(words: list[str]) -> None:
    """`words`: descriptors of the users' lock, of the server's own lock and of its log; user and group id of
    the server (-1: as we are); then the server's command line."""
    users, own, log, uid, gid = map(int, words[:5])
    if os.fork():
        os._exit(0)  # whoever started us waits for this and no longer
    os.setsid()  # a terminal's Ctrl-C isn't meant for the database
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    server = os.fork()
    if server == 0:
        os.close(users)
        _become_server(words[5:], null, own, log, uid, gid)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    # The lock `own` is to be held by the server and its children alone: it tells whether any of them lives.
    os.close(own)
    os.close(log)
    signal.signal(signal.SIGCHLD, lambda *_: _ended(server) and os._exit(0))
    if _ended(server):
        return
    fcntl.flock(users, fcntl.LOCK_EX)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # New users wait for the lock until we end: they then find the server stopped, never half stopped.
    for number, patience in ((signal.SIGINT, _PATIENCE_S), (signal.SIGQUIT, _MORE_PATIENCE_S)):
        if _ended(server):
            return
        os.kill(server, number)
        deadline = time.monotonic() + patience
        while not _ended(server) and time.monotonic() < deadline:
            time.sleep(0.005)


def _become_server(command: list[str], null: int, own: int, log: int, uid: int, gid: int) -> None:
    """Replace this process by the server. Never returns."""
    with contextlib.suppress(OSError):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        if uid >= 0:  # PostgreSQL refuses to run as root
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.set_inheritable(own, True)
        os.execv(command[0], command)  # noqa: S606
    os._exit(127)


_gone = False


def _ended(pid: int) -> bool:
    global _gone
    if not _gone:
        try:
            _gone = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            _gone = True
    return _gone


if __name__ == "__main__":
    main(sys.argv[1:])
