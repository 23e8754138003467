"""Text from outside stays text, wherever it is shown: names, reasons and what a platform answered.

Whoever writes such a text must not be able to move a terminal's cursor, reverse a line, post a link or a
mention, or make a heading. Each place has its own rules; these are all of them, in one module.
"""

import re
import unicodedata
from typing import Any

_SEQUENCES = re.compile(
    r"""
    \x1b \] .*? (?: \x07 | \x1b\\ | \Z )       # an operating system command: titles, links, clipboard
    | (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]  # a control sequence: colours, cursor, erasing
    | \x1b [ -/]* [0-~]                        # the two-letter escapes
    """,
    re.VERBOSE | re.DOTALL,
)
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_JOINERS = frozenset("\u200c\u200d")
"""Persian, Indic scripts and many emoji need them; every other format character may hide or turn text."""

_TURNING = re.compile(
    "[\u0080-\u0084\u0086-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What turns or hides text in a page, which knows no terminal: bidi, control and tag characters."""

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&@]")
_MARKDOWN_LINK = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
_MARKDOWN_BLOCK = re.compile(r"^(\s*)([-+#=]|\d+[.)])")
_FORMULAS = (*"=+-@", *"\uff1d\uff0b\uff0d\uff20")
"""What a formula begins with, in full width too, which some spreadsheets take for the same."""
_SLACK_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SLACK_MARKS = str.maketrans({"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"})
_SLACK_EDGE = re.compile(r"(?<![^\W_])[*_~`]+|[*_~`]+(?![^\W_])|`")


def plain(text: str) -> str:
    """`text` in one line, as it may be shown in a terminal or a log: no control or bidi characters, no
    escape sequences; runs of line breaks and tabs become one space."""
    return " ".join(plain_lines(text).split("\n")).replace("\t", " ").strip()


def plain_lines(text: str) -> str:
    """The same with its lines and tabs: every kind of line break becomes `\\n`, several become one."""
    kept = "".join(_kept(character) for character in _SEQUENCES.sub("", text))
    return re.sub(r"[ ]*\n\s*", "\n", kept)


def unharmed(text: str) -> str:
    """The same with all its spaces, tabs and lines as they are: for a block whose layout is ours."""
    return "".join(c if c in "\n\t" else _kept(c) for c in _SEQUENCES.sub("", text))


def markdown(text: str) -> str:
    """`text` in one line, for the middle of a Markdown paragraph, list item or table cell (GitHub's
    flavour, which Dagster shows): no emphasis, links, HTML, cells or blocks come of it."""
    shown = _MARKDOWN.sub(lambda found: f"\\{found[0]}", plain(text))
    shown = _MARKDOWN_LINK.sub(lambda found: f"\\{found[0]}", shown)
    return _MARKDOWN_BLOCK.sub(lambda found: f"{found[1]}{_escaped_last(found[2])}", shown)


def cell(text: str) -> str:
    """`text` in one line for a cell of a CSV file: a spreadsheet takes what begins like a formula for one, so
    an apostrophe goes before it."""
    shown = plain(text)
    return f"'{shown}" if shown.startswith(_FORMULAS) else shown


def in_page(value: Any) -> Any:
    """Whatever a template shows, for Jinja's `finalize`: texts without what reverses or hides the rest of
    their line; escaping is Jinja's."""
    if not isinstance(value, str) or value.isascii():
        return value
    kept = _TURNING.sub("", value)
    return value if len(kept) == len(value) else type(value)(kept)  # Markup stays Markup


def slack(text: str) -> str:
    """`text` in one line, for Slack's mrkdwn: no mention, link or formatting comes of it.

    Slack knows no escape for its marks: where one could begin or end formatting, its look-alike stands
    instead; inside a word (`user_id`) it stays, because Slack leaves it alone there.
    """
    marked = _SLACK_EDGE.sub(lambda found: found[0].translate(_SLACK_MARKS), plain(text))
    return marked.translate(_SLACK_ENTITIES)


def _kept(character: str) -> str:
    if character in _BREAKS:
        return "\t" if character == "\t" else "\n"
    match unicodedata.category(character):
        case "Cc":
            return ""
        case "Cf":
            return character if character in _JOINERS else ""
        case "Cs":
            return "\ufffd"  # half a character: it can't be encoded
        case _:
            return character


def _escaped_last(mark: str) -> str:
    """`1.` becomes `1\\.`: a digit can't be escaped, what makes it a list item can."""
    return f"{mark[:-1]}\\{mark[-1]}"
