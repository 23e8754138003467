"""What pages and docstrings point at is there."""

import re
from collections import Counter
from pathlib import Path

import pytest

from impact_in_pipelines.platforms import FACTS, Platform

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/NOTES.md"])
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a page's headings can be linked by, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files, pictures and headings of this repository; other sites are not asked."""
    text = _FENCED.sub("", page.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


def test_every_guarantee_names_tests_that_are_there() -> None:
    """A promise whose test was renamed or dropped is none."""
    text = (ROOT / "docs/guarantees.md").read_text()
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", text)
    # Rooms have files of the same name.
    tests: dict[str, str] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tests[path.name] = tests.get(path.name, "") + path.read_text()
    assert len(named) > 20
    gone = [
        (file, name) for file, name in named if f"def {name or 'test_'}" not in tests.get(file, "")
    ]
    assert gone == []


def test_every_decision_that_code_cites_is_explained() -> None:
    """The D-rules, and the design's sections."""
    design = (ROOT / "docs/design.md").read_text()
    sources = [
        *(ROOT / "impact_in_pipelines").rglob("*.py"),
        *(ROOT / "impact_in_pipelines").rglob("*.sql"),
    ]
    cited = {one for path in sources for one in re.findall(r"\bD\d+\b", path.read_text())}
    sections = {
        one for path in sources for one in re.findall(r"design,? section (\d+)", path.read_text())
    }

    assert {"D1", "D4"} <= cited
    assert [one for one in sorted(cited) if f"| {one} |" not in design] == []
    assert [one for one in sorted(sections) if f"\n## {one}. " not in design] == []


def test_every_step_of_the_walks_names_files_that_exist() -> None:
    """The walks of a delivery and of a replay are how a newcomer finds a step's file."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = [line.split("|")[2] for line in text.splitlines() if line.startswith("|")]
    files = [one for row in rows for one in re.findall(r"`([\w/]+\.py)`", row)]

    assert len(files) > 30
    assert [one for one in files if not (ROOT / "impact_in_pipelines" / one).is_file()] == []


def test_every_room_is_on_the_plan() -> None:
    """A room that the README doesn't name is found by nobody."""
    text = (ROOT / "README.md").read_text()
    plan = text.partition("## The rooms")[2].partition("\n## ")[0]
    rooms = {path.parent.name for path in (ROOT / "impact_in_pipelines").glob("*/__init__.py")}

    assert [room for room in sorted(rooms) if f"{room}/" not in plan] == []


MOST_MODULES, MOST_LINES = 12, 400
HISTORY = {"m0001_initial_schema.py"}


def test_rooms_and_files_stay_small() -> None:
    """Beyond a dozen modules a room needs a wing; beyond 400 lines a file has two subjects."""
    files = [
        path
        for folder in ("impact_in_pipelines", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in HISTORY
    ]
    long = [str(path) for path in files if len(path.read_text().splitlines()) > MOST_LINES]
    rooms = Counter(path.parent for path in files if path.name != "__init__.py")
    large = [
        str(room)
        for room, modules in rooms.items()
        if modules > MOST_MODULES
        and "impact_in_pipelines" in room.parts
        and room.name != "versions"
    ]

    assert long == []
    assert large == []


@pytest.mark.parametrize("page", ["operations.md", "capacity.md", "security.md"])
def test_every_file_that_a_page_says_shows_it_is_there(page: str) -> None:
    """A step whose test was renamed is one that nobody has run."""
    text = (ROOT / "docs" / page).read_text()
    named = re.findall(r"`((?:tests|deploy|benchmarks)/[\w./-]+)`", text)
    bare = re.findall(r"`(test_\w+\.py)`", text)
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

    assert [one for one in named if not (ROOT / one).exists()] == []
    assert [one for one in bare if one not in tests] == []


def test_the_guide_names_each_platforms_options() -> None:
    """Those that its connector reads: of Goodera's three the page had one, and of Workday's none."""
    text = (ROOT / "docs/how-to/connect-a-platform.md").read_text()
    platforms = re.findall(r"^\| \|(.*)\|$", text, re.M)[0].split("|")
    cells = re.findall(r"^\| options \|(.*)\|$", text, re.M)[0].split("|")

    named = [re.findall(r"`(\w+)`", cell) for cell in cells]

    assert dict(zip(map(str.strip, platforms), named, strict=True)) == {
        FACTS[platform].title: list(FACTS[platform].options) for platform in Platform
    }
