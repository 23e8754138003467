"""What a command reads from a file, or from standard input where a `-` stands for one.

One rule for all: text in UTF-8 (or UTF-16 with its mark, as PowerShell writes), of a bounded size, never
empty. What is wrong is one line that names the source and never shows what is in it: it may be a secret.
"""

import codecs
import sys
from typing import BinaryIO

from impact_in_pipelines.cli.output import errors
from impact_in_pipelines.errors import UsageError

STDIN = "-"
MOST_BYTES = 64 * 1024
"""What credentials, addresses and tokens fit in many times over."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(source: str, what: str, *, most: int = MOST_BYTES) -> str:
    """The text in the file `source`, or (`-`) on standard input; `what` it is, for people: "the token".

    Raises `UsageError` for what isn't there, isn't text, is empty or has more than `most` bytes.
    """
    name = "standard input" if source == STDIN else source
    try:
        content = _bytes(source, what, most + 1)
    except OSError as error:
        raise UsageError(f"{what} can't be read from {name}: {error.strerror or error}") from None
    if len(content) > most:
        raise UsageError(f"{name} has more than {most // 1024:,} KiB, so it can't be {what} alone")
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{what} in {name} must be UTF-8 text, and that isn't")
    if not text.strip():
        raise UsageError(f"{name} is empty; it must have {what}")
    return text


def read_line(source: str, what: str) -> str:
    """The same where it is one line, without the space around it."""
    text = read_text(source, what).strip()
    if len(text.splitlines()) > 1:
        name = "standard input" if source == STDIN else source
        raise UsageError(f"{name} has several lines; {what} is one")
    return text


def _bytes(source: str, what: str, most: int) -> bytes:
    if source != STDIN:
        with open(source, "rb") as file:
            return file.read(most)
    if sys.stdin is None:  # closed by whoever started us
        return b""
    if sys.stdin.isatty():
        # Nothing would tell what the command waits for.
        errors.print(f"Type {what}, then Enter and Ctrl-D:", style="dim")
    stream: BinaryIO = sys.stdin.buffer
    return stream.read(most)
