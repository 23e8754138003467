"""The documentation site: commands that pages name, its pictures, and what the checks of it find."""

import re
from pathlib import Path

import pytest
from tools.site.checking import faults
from tools.site.pictures import PICTURES
from tools.site.reference import settings, tables
from tools.site.reference.gaps import gaps
from tools.site.samples import FOLLOWED, matches, samples
from tools.site.staging import DOCS, ROOT, pages, stage
from typer.main import get_command

from impact_in_pipelines.cli.app import app

_COMMAND = re.compile(
    r"(?<!install )(?<![\w./-])impact-in ((?:[a-z][\w-]*)(?: [a-z][\w-]*)*)"
    r"((?:\s+\\\n|[^`\n#|;&<>])*)"
)
_HISTORY = {"CHANGELOG.md"}


def test_every_command_that_a_page_names_is_one_with_such_options() -> None:
    """In prose, tables and blocks: a command that was renamed misleads whoever is on call."""
    program = get_command(app())
    wrong, seen = [], 0
    for page in pages():
        if page.name in _HISTORY:
            continue
        for words, rest in _COMMAND.findall(page.read_text()):
            command, path = program, words.split()
            while path and hasattr(command, "commands"):
                name = path.pop(0)
                if name not in command.commands:
                    wrong.append(f"{page.name}: impact-in {words}")
                    break
                command = command.commands[name]
            else:
                seen += 1
                options = {one for p in command.params for one in (*p.opts, *p.secondary_opts)}
                gone = (
                    set(re.findall(r"(?<![\w-])--[a-z][\w-]*", rest))
                    - options
                    - {"--help", "--version"}
                )
                wrong += [f"{page.name}: impact-in {words} {one}" for one in gone]
    assert wrong == []
    assert seen > 150


def test_the_pictures_are_as_they_are_drawn() -> None:
    """Made by `PYTHONPATH=tests python -m tools.site.pictures`; that of states has each transition."""
    for name, draw in PICTURES.items():
        assert (DOCS / "images" / f"{name}.svg").read_text() == draw().svg(), name


def test_every_page_is_in_the_navigation() -> None:
    """A page that nothing leads to is found by nobody; decisions are reached from the design."""
    listed = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    ours = {place for place in pages().values() if not place.startswith(("adr/", "project/"))}
    assert ours - listed == set()


def test_what_a_page_links_to_is_shown_and_what_it_names_is_linked(tmp_path: Path) -> None:
    """A folder of the repository becomes a page; a command in prose leads to its reference."""
    stage(tmp_path, {}, lambda name: "reference/cli.md#x" if name == "impact-in recover" else None)
    operations = (tmp_path / "operations.md").read_text()

    assert "](files/deploy/systemd.md)" in operations
    assert "impact-in-api.service" in (tmp_path / "files/deploy/systemd.md").read_text()
    assert "[`impact-in recover`](reference/cli.md#x)" in operations
    assert "](../CONTRIBUTING" not in "".join(one.read_text() for one in tmp_path.rglob("*.md"))


def test_every_column_and_setting_has_a_meaning() -> None:
    """From comments of the schema and the table of docs/operations.md; `make docs` checks every page."""
    assert gaps({"tables": tables.page(), "settings": settings.page()}) == []


def test_what_a_reference_leaves_unsaid_is_named() -> None:
    """A cell that must say something, and a heading with nothing below it."""
    page = (
        "# Page\n\nWords.\n\n## one\n\nWords.\n\n| member | always | meaning |\n| --- | --- | --- |\n"
        "| `a` | no | yes |\n| `b` | no |  |\n\n## two\n\n## three\n"
    )
    assert gaps({"page": page}) == [
        "page: one: `b` has no meaning",
        "page: two: nothing is said of it",
        "page: three: nothing is said of it",
    ]


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="#gone">x</a>', "#gone leads nowhere"),
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<img src="//cdn.example/x.png">', "loads //cdn.example/x.png"),
        ('<a id="here" href="#here">x</a><a href="https://example.org">y</a>', None),
    ],
)
def test_a_built_page_that_is_not_whole_is_named(
    tmp_path: Path, html: str, fault: str | None
) -> None:
    """Links to other sites are nobody's business; loading something from them is."""
    (tmp_path / "page.html").write_text(html)
    assert faults(tmp_path) == ([f"page.html: {fault}"] if fault else [])


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a…z\n", "a to z\n", True),
        ("one\n…\nfive\n", "one\ntwo\nthree\nfive\n", True),
        ("due 2026-11-26 17:02 in 333 ms\n", "due 2027-01-02 03:04 in 1.2 s\n", True),
        ("8bd74df0 then 8bd74df0\n", "11111111 then 22222222\n", False),
        ("3 new\n", "2 new\n", False),
    ],
)
def test_what_a_page_shows_is_compared_but_for_times_and_ids(
    shown: str, printed: str, same: bool
) -> None:
    """A count that differs is a difference; today's date is none."""
    assert matches(shown, printed, {}) is same


def test_an_id_that_is_shown_is_the_one_that_was_printed() -> None:
    """So that a later command of the page names it."""
    ids: dict[str, str] = {}
    assert matches("id 8bd74df0\n", "id 11111111\n", ids)
    assert ids == {"8bd74df0": "11111111"}


def test_a_block_says_why_it_is_not_run_and_what_it_ends_with() -> None:
    """Comments before a block; prose between two blocks parts them."""
    page = (
        "<!-- not run: it needs a moon -->\n```sh\na\n```\n"
        "```sh\nb\n```\n<!-- exit code 1 -->\n```text\nno\n```\n"
    )
    first, second = samples(page)
    assert (first.not_run, second.shown, second.code) == ("it needs a moon", "no\n", 1)


def test_a_block_of_a_session_is_what_was_typed_after_its_prompts() -> None:
    """Lines that a backslash joins belong to it; names may stand for a reader's own."""
    page = "<!-- with ID=$(one); x=y -->\n```console\n$ a ID \\\n    x\nprinted\n$ b\n```\n"
    (found,) = samples(page)
    assert found.commands == "a ID \\\n    x\nb"
    assert found.instead == {"ID": "$(one)", "x": "y"}


def test_every_block_of_commands_or_python_is_run_or_says_why_not() -> None:
    """Of all pages: a block that nobody runs goes wrong unseen."""
    followed = {(DOCS / one).resolve() for one in FOLLOWED}
    silent = [
        f"{page.name}: {one.commands.splitlines()[0]}"
        for page in pages()
        for one in samples(page.read_text())
        if not (one.not_run or one.run_by)
        and (page not in followed or one.commands.startswith(("import ", "from ")))
    ]
    assert silent == []


def test_a_test_that_runs_a_block_names_its_page() -> None:
    """So that somebody who moves the block finds the test, and the other way round."""
    for page in pages():
        for one in samples(page.read_text()):
            if one.run_by:
                assert page.name in (ROOT / one.run_by).read_text(), (page.name, one.run_by)


def test_commands_stand_in_blocks_that_say_what_they_are() -> None:
    """An indented block escapes the tests of samples, and has no button to copy it."""
    commands = re.compile(
        r"^(?: {4}|\t)(?:\$ |impact-in |python |pip |make |cd |curl )", re.MULTILINE
    )
    bare = []
    for page in pages():
        text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        bare += [f"{page.name}: {one.strip()}" for one in commands.findall(text)]
    assert bare == []


def test_lists_are_written_as_the_generator_reads_them() -> None:
    """Code hosts take a list without a blank line before it, and a block of an item that is indented by two;
    the site's Markdown makes one paragraph of either."""
    wrong = []
    for page in pages():
        text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        wrong += [f"{page.name}: {one}" for one in re.findall(r"\n\n( {1,3}\S.*)", text)]
        for block in re.split(r"\n\s*\n", text):
            first, *rest = block.split("\n")
            if not re.match(r"\s*([-*]|\d+\.) |#", first):
                wrong += [f"{page.name}: {one}" for one in rest if re.match(r"\s*([-*]|1\.) ", one)]
    assert wrong == []
