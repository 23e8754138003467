"""Text from outside is text (issue lines: Slack, Dagster's Markdown, terminal, logs)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from impact_in_pipelines.api.web.templating import environment
from impact_in_pipelines.plain_text import in_page, markdown, plain, plain_lines, slack
from impact_in_pipelines.sla.reports.environment import report_environment
from impact_in_pipelines.wording.language.languages import language
from impact_in_pipelines.wording.language.report_reader import reader_of

HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "abc\u202edcb\u2066x\u2069",
    "*bold* _it_ ~no~ `code`",
    "<!channel> <@U1> <https://evil.example|bank>",
    "[bank](https://evil.example) ![x](https://evil.example/p.png)",
    "| a | b |\n|---|---|",
    "# heading",
    "- item",
    "1. item",
    "<script>alert(1)</script>",
    "see https://evil.example or www.evil.example or me@evil.example",
    "&lt;b&gt; &#42;",
    "\ud800",
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("a\r\nb\tc\u2028d", "a b c d"),
        ("pay\u202etxt.exe", "paytxt.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("می\u200cخواهم 👩\u200d🔧", "می\u200cخواهم 👩\u200d🔧"),
        ("\ud800x", "\ufffdx"),
        ("Ångström  çç", "Ångström  çç"),
    ],
)
def test_what_steers_a_terminal_is_gone_and_letters_stay(text: str, shown: str) -> None:
    """Escape sequences, control, bidi and hidden characters go; what scripts and emoji need stays."""
    assert plain(text) == shown


def test_lines_can_stay_lines() -> None:
    """Every kind of line break is one; control characters between them go."""
    assert plain_lines("a\r\n\r\nb\x00\tc\x0bd") == "a\nb\tc\nd"


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_the_text_itself(text: str) -> None:
    """Rendered, an escaped text is one paragraph with exactly the plain text in it."""
    (opening, inline, closing) = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(text))
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    assert inline.children is not None
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    assert "".join(child.content for child in inline.children) == plain(text)


@given(st.text(st.sampled_from("ab1 *_~`[]()<>|#-+=.!&:/@\\\n")))
def test_no_text_makes_markdown(text: str) -> None:
    """However the signs are combined: nothing but text comes of it."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"x {markdown(text)}")
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special"}
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]


@given(st.text())
def test_slack_gets_no_mention_link_or_mark(text: str) -> None:
    """No bracket survives, every ampersand begins one of Slack's three entities, and no mark stands where
    it could begin or end formatting."""
    shown = slack(text)
    assert "<" not in shown
    assert ">" not in shown
    for entity in ("&amp;", "&lt;", "&gt;"):
        shown = shown.replace(entity, "x")
    assert "&" not in shown
    assert not re.search(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])", shown)
    assert "`" not in shown


def test_slack_keeps_names_with_underscores() -> None:
    """What Slack doesn't take for formatting stays as it is, to be copied."""
    assert slack("column user_id of a*b") == "column user_id of a*b"
    assert slack("*urgent*: <!here> & `x`") == "∗urgent∗: &lt;!here&gt; &amp; ˋxˋ"


@pytest.mark.parametrize("code", ["en", "uk"])
def test_a_text_turns_nothing_else_in_a_page(code: str) -> None:
    """A platform's error with a bidi override reversed what stood after it in the cockpit and in reports:
    also inside a translated sentence. Scripts that need joiners keep them."""
    found = language(code)
    assert found is not None
    source = "{{ said }}|{% trans n=said %}{{ n }} failed{% endtrans %}|{{ said|e }}"
    for jinja in (
        environment(found),
        report_environment("impact_in_pipelines.sla.reports", reader_of(code)),
    ):
        shown = jinja.from_string(source).render(said="<b>\u202eab\u2066\u061c\u009b1m \u200dї")
        assert not re.search("[\u0080-\u009f\u061c\u202a-\u202e\u2066-\u2069]", shown)
        assert shown.startswith("&lt;b&gt;ab1m \u200dї|")
    assert in_page(None) is None
