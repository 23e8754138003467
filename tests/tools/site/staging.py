"""From the repository to the folder that the site's generator reads.

Pages of docs/ keep their places; a few pages from elsewhere get one below `project/`. Whatever else of the
repository a page links to (a unit file, a folder of the chart) becomes a page that shows it, so that the site is
whole by itself. Pictures that we draw are put into the page, where they follow its light or dark scheme.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"

ELSEWHERE = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/reporting.md",
    "benchmarks/NOTES.md": "project/benchmarks.md",
    "clients/README.md": "project/clients.md",
}
"""Pages outside docs/, and where the site has them."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```[ ]*$", re.MULTILINE | re.DOTALL)
_REPOSITORY = re.compile(r"^\[[^\]]+\]: \.\./\.\./.*\n", re.MULTILINE)
"""Targets that only a code host has: comparisons of versions."""
_STYLE = re.compile(r"<style>.*?</style>\s*", re.DOTALL)
_LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".conf": "nginx", ".py": "python"}

Linked = Callable[[str], str | None]
"""The page and anchor (`reference/cli.md#…`) of something that a page names as code; None: of nothing."""


def stage(into: Path, generated: Mapping[str, str], linked: Linked = lambda _: None) -> None:
    """Fill `into` anew: the pages, the `generated` ones by their path, and what they show."""
    shutil.rmtree(into, ignore_errors=True)
    shown: dict[Path, str] = {}
    for source, target in pages().items():
        text = _REPOSITORY.sub("", source.read_text())
        relinked = partial(_relinked, source=source, target=target, shown=shown)
        named = partial(_named, target=target, linked=linked)
        _write(into / target, outside_fences(outside_fences(text, relinked), named))
    for target, text in generated.items():
        _write(into / target, text)
    for source, target in shown.items():
        _write(into / target, _file_page(source))
    shutil.copytree(DOCS / "images", into / "images", ignore=shutil.ignore_patterns("*.svg"))
    shutil.copy(Path(__file__).with_name("site.css"), into)


def pages() -> dict[Path, str]:
    """Each page of the repository, and its place in the site."""
    ours = {path: str(path.relative_to(DOCS)) for path in sorted(DOCS.rglob("*.md"))}
    return {**ours, **{ROOT / source: target for source, target in ELSEWHERE.items()}}


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """`text` with what is no block of code changed."""
    parts, last = [], 0
    for block in FENCED.finditer(text):
        parts += [change(text[last : block.start()]), block[0]]
        last = block.end()
    return "".join([*parts, change(text[last:])])


def _relinked(text: str, source: Path, target: str, shown: dict[Path, str]) -> str:
    """The links of the page at `source` as they are from its place in the site."""
    places = pages()

    def one(link: re.Match[str]) -> str:
        picture, words, to = link.groups()
        if re.match(r"[a-z]+:|#", to):
            return link[0]
        path, _, anchor = to.partition("#")
        found = (source.parent / path).resolve()
        if picture and found.suffix == ".svg":
            return drawn(found, words)
        if found.is_relative_to(DOCS / "images"):
            place = str(found.relative_to(DOCS))
        elif found in places:
            place = places[found]
        elif not found.exists():
            place = path  # left for the generator's own check to name
        else:
            place = shown.setdefault(found, f"files/{found.relative_to(ROOT)}.md")
        at = os.path.relpath(place, Path(target).parent)
        return f"{picture}[{words}]({at}{'#' + anchor if anchor else ''})"

    return LINK.sub(one, text)


def _named(text: str, target: str, linked: Linked) -> str:
    """Commands, settings, tables and codes that stand as `code` lead to their reference; headings don't."""

    def one(code: re.Match[str]) -> str:
        place = linked(code[1])
        return f"[{code[0]}]({os.path.relpath(place, Path(target).parent)})" if place else code[0]

    def line(words: str) -> str:
        if words.startswith("#"):
            return words
        # What is a link already stays one.
        parts, last = [], 0
        for link in LINK.finditer(words):
            parts += [re.sub(r"(?<!`)`([^`]+)`(?!`)", one, words[last : link.start()]), link[0]]
            last = link.end()
        return "".join([*parts, re.sub(r"(?<!`)`([^`]+)`(?!`)", one, words[last:])])

    return "\n".join(line(words) for words in text.split("\n"))


def drawn(picture: Path, words: str) -> str:
    """A picture of ours as a part of the page: its colours are the page's (`site.css`), its own style goes."""
    svg = _STYLE.sub("", picture.read_text()).strip()
    return f'<figure class="drawn" aria-label="{words}">\n{svg}\n</figure>'


def _file_page(path: Path) -> str:
    """A file of the repository, or each file of a folder, as a page."""
    name = path.relative_to(ROOT)
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    blocks = [_block(one) for one in files]
    if path.is_dir():
        heads = [f"## `{one.relative_to(path)}`" for one in files]
        blocks = [f"{head}\n\n{block}" for head, block in zip(heads, blocks, strict=True)]
    return "\n\n".join([f"# {name}", "As it is in the repository.", *blocks]) + "\n"


def _block(path: Path) -> str:
    language = "docker" if path.name == "Dockerfile" else _LANGUAGES.get(path.suffix, "text")
    return f"~~~~{language}\n{path.read_text().rstrip()}\n~~~~"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
