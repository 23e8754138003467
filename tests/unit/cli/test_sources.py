"""What commands read from a file or standard input: one rule, and one line for what is wrong with it."""

import os
import pty
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from impact_in_pipelines.cli.sources import MOST_BYTES, read_line, read_text
from impact_in_pipelines.errors import UsageError


@pytest.fixture(autouse=True)
def nothing_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    _typed(monkeypatch, b"")


def _typed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content), "ascii"))


@pytest.mark.parametrize(
    "content",
    [
        b"a b\r\n",
        "\ufeffa b\n".encode(),
        "\ufeffa b".encode("utf-16-le"),
        "\ufeffa b".encode("utf-16-be"),
    ],
    ids=["lines of Windows", "a mark", "PowerShell", "the other order"],
)
@pytest.mark.parametrize("piped", [True, False])
def test_text_is_read_however_it_was_written(
    content: bytes, piped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file and from standard input alike, whatever the locale says of its encoding."""
    file = tmp_path / "token.txt"
    file.write_bytes(content)
    _typed(monkeypatch, content)
    assert read_line("-" if piped else str(file), "the token") == "a b"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; it must have the token"),
        (b" \n\t\n", "is empty; it must have the token"),
        (b"hunter22\xff", "the token in {name} must be UTF-8 text, and that isn't"),
        (b"hunter22\x00", "the token in {name} must be UTF-8 text, and that isn't"),
        (b"\xff\xfeh", "the token in {name} must be UTF-8 text, and that isn't"),
        (b"hunter22\nhunter22\n", "has several lines; the token is one"),
        (b"hunter22" * MOST_BYTES, "has more than 64 KiB, so it can't be the token alone"),
    ],
)
@pytest.mark.parametrize("piped", [True, False])
def test_what_it_can_not_be_is_said_in_one_line(
    content: bytes, said: str, piped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which never shows what was read: it may be a secret."""
    file = tmp_path / "token.txt"
    file.write_bytes(content)
    _typed(monkeypatch, content)
    with pytest.raises(UsageError) as refused:
        read_line("-" if piped else str(file), "the token")
    line = str(refused.value)
    assert said.format(name="standard input" if piped else file) in line
    assert "\n" not in line
    assert "hunter22" not in line


@pytest.mark.parametrize(
    ("name", "why"), [("nowhere", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_is_none_is_named(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"the token can't be read from .*: {why}"):
        read_text(str(tmp_path / name), "the token")


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(UsageError, match="has more than 64 KiB"):
        read_text("/dev/zero", "the token")


def test_standard_input_that_is_closed_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As cron and services may start us."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is empty"):
        read_text("-", "the token")


def test_a_terminal_is_told_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that says nothing seems to hang."""
    controller, terminal = pty.openpty()
    try:
        os.write(controller, b"a b\n\x04")
        with os.fdopen(os.dup(terminal)) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            assert read_line("-", "the token") == "a b"
    finally:
        os.close(terminal)
        os.close(controller)
    assert "Type the token, then Enter and Ctrl-D:" in capsys.readouterr().err
