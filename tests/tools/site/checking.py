"""What is wrong with a built site: links and anchors that lead nowhere, and anything loaded from elsewhere."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED_BY = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_NOT_LOADED = {"canonical", "next", "prev", "alternate"}
_SCRIPT_LOADS = re.compile(
    r"@import\s+(?:url\()?[\"']?https?://[^\"')]+|url\(\s*[\"']?https?://[^)]+"
)


class Page(HTMLParser):
    """The anchors and links of one page, and the addresses of what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.anchors.update(has[name] for name in ("id", "name") if name in has)
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        if (source := has.get(_LOADED_BY.get(tag, ""))) is not None and not (
            tag == "link" and has.get("rel") in _NOT_LOADED
        ):
            self.loads.append(source)


@cache
def _page(path: Path) -> Page:
    return Page(path.read_text())


def faults(site: Path) -> list[str]:
    """Each fault in a line, the page first."""
    _page.cache_clear()
    found = []
    for path in sorted(site.rglob("*.html")):
        page, name = _page(path), path.relative_to(site)
        found += [f"{name}: loads {one}" for one in page.loads if urlsplit(one).netloc]
        inside = (one for one in [*page.links, *page.loads] if not _elsewhere(one))
        found += [f"{name}: {one} leads nowhere" for one in inside if not _leads(site, path, one)]
    for path in sorted(site.rglob("*.css")):
        asked = _SCRIPT_LOADS.findall(path.read_text())
        found += [f"{path.relative_to(site)}: loads {one}" for one in asked]
    return found


def _elsewhere(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.scheme or parts.netloc)


def _leads(site: Path, page: Path, link: str) -> bool:
    parts = urlsplit(link)
    path = unquote(parts.path)
    base = site if path.startswith("/") else page.parent
    target = (base / path.lstrip("/")).resolve() if path else page
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return False
    anchor = unquote(parts.fragment)
    return not anchor or target.suffix != ".html" or anchor in _page(target).anchors
