"""How much memory the embedded server keeps pages in."""

from pathlib import Path

import pytest

from impact_in_pipelines.db.embedded.memory import buffer_options, buffers_of, usable_memory

_MB = 1024 * 1024


@pytest.mark.parametrize(
    ("memory", "buffers"),
    [(0, 128), (512, 128), (2_048, 128), (8_192, 512), (24_000, 1_024), (1_000_000, 1_024)],
)
def test_a_sixteenth_of_the_memory_within_bounds(memory: int, buffers: int) -> None:
    """Never less than initdb's own, and never so much that others lack it."""
    assert buffers_of(memory * _MB) == buffers * _MB


def test_this_machine_says_what_it_has() -> None:
    """From 64 MB to 64 TB, in bytes."""
    assert 64 * _MB < usable_memory() < 64 * 1024 * 1024 * _MB


@pytest.mark.parametrize(
    ("conf", "auto", "ours"),
    [
        ("shared_buffers = 128MB\t\t# min 128kB\n", "# by machine\n", True),
        ("#shared_buffers = 128MB\nmax_connections = 300\n", "", True),
        ("shared_buffers = 300MB\n", "", False),
        ("Shared_Buffers = 64MB\n", "", False),
        ("shared_buffers = 128MB\n", "shared_buffers = '2GB'\n", False),
        ("shared_buffers = 128MB\n", "shared_buffers = '128MB'\n", False),
    ],
)
def test_what_somebody_has_set_stands(tmp_path: Path, conf: str, auto: str, ours: bool) -> None:
    """A command line would win against the server's files, so it says nothing then."""
    (tmp_path / "postgresql.conf").write_text(conf)
    (tmp_path / "postgresql.auto.conf").write_text(auto)
    assert ("shared_buffers" in buffer_options(tmp_path)) is ours
