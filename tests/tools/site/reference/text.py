"""Markdown, as the pages of the reference are made of it."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; cells are escaped by whoever makes them."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def cell(text: object) -> str:
    """Any text as what a cell may hold: one line, no sign that would end it or begin a tag."""
    plain = " ".join(str(text).split()).replace("|", "\\|")
    # Code is taken as it stands: a sign that is escaped in it would show.
    parts = plain.split("`")
    for at in range(0, len(parts), 2):
        parts[at] = parts[at].replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[")
    return "`".join(parts)


def code(text: object) -> str:
    """The same as code; nothing is nothing."""
    return f"`{' '.join(str(text).split())}`".replace("|", "\\|") if str(text) else ""


def anchored(name: str) -> str:
    """A name as code, which links can lead to."""
    plain = "".join(sign for sign in name.lower() if sign.isalnum() or sign in "_.")
    return f'<a id="{plain}"></a>`{name}`'


def document(title: str, said: str, *parts: str, wide: bool = False) -> str:
    """A page; a wide one has no list of its headings beside it."""
    front = "---\nhide: [toc]\n---\n\n" if wide else ""
    return front + "\n\n".join([f"# {title}", said, *parts]) + "\n"
