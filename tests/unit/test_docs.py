"""What pages and docstrings point at is there."""

import re
from pathlib import Path

import pytest

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
    tests = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
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
