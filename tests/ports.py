"""Ports for servers that can't choose one themselves, and tell which, by listening on port 0."""

import random
import socket
from pathlib import Path

_LOWEST, _HIGHEST = 10_000, 65_535
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_RANGE = "32768 60999"
_TRIES = 100

# Processes that test at the same time must not look for ports in the same order: not the tests' own chance.
_chance = random.SystemRandom()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody is given until its server does.

    It isn't one that the kernel chose: whoever listens on port 0 next, or connects anywhere, may be given
    that one again before its server has started. And whoever asks meanwhile whether somebody listens there
    may be connected to itself.
    """
    for _ in range(_TRIES):
        port = _chance.randrange(*_outside_the_kernels())
        with socket.socket() as probe:
            # As servers do: what a former one's connections have left behind is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # taken
                continue
            return port
    raise AssertionError("no port is free")


def _outside_the_kernels() -> tuple[int, int]:
    """The larger part of the ports below and above those that the kernel gives; all if it gives nearly all:
    then only chance keeps two apart."""
    try:
        text = _RANGE.read_text()
    except OSError:  # not Linux
        text = _USUAL_RANGE
    first, last = map(int, text.split())
    below, above = (_LOWEST, first), (last + 1, _HIGHEST)
    larger = max(below, above, key=lambda part: part[1] - part[0])
    return larger if larger[1] - larger[0] >= 1_000 else (_LOWEST, _HIGHEST)
