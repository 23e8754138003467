"""What the reference leaves unsaid: cells without a word, and headings with nothing below them."""

import re
from collections.abc import Iterator, Mapping


def gaps(pages: Mapping[str, str]) -> list[str]:
    """Each gap in a line: the page, the heading, and what has no meaning there."""
    return [f"{path}: {gap}" for path, text in pages.items() for gap in _of(text)]


def _of(text: str) -> Iterator[str]:
    heading, level, said, head = "", 0, True, None
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        if fenced or not line.strip():
            head = head if fenced else None
            said |= fenced
            continue
        deep = len(line) - len(line.lstrip("#"))
        if deep and line[deep] == " ":
            if not said and deep <= level:
                yield f"{heading}: nothing is said of it"
            heading, level, said = line[deep + 1 :], deep, False
        elif line.startswith("| "):
            cells = [one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1]]
            if head is None:
                head = cells
            else:
                yield from (f"{heading}: {gap}" for gap in _empty(head, cells))
            # A table alone explains a group, but not the thing that the heading names.
            said |= len(head) == 2 or level == 2
        else:
            said = True
    if not said:
        yield f"{heading}: nothing is said of it"


def _empty(head: list[str], cells: list[str]) -> Iterator[str]:
    name = next((one for one in cells if one), "")
    for title, cell in zip(head, cells, strict=True):
        if not cell:
            yield f"{name} has no {title or 'meaning'}"
