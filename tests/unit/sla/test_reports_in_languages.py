"""A report in the reader's language: the same figures, every sentence, old reports as they were written."""

import json
import re
from pathlib import Path

import pytest

from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.reports.said import (
    ENGLISH,
    Figure,
    as_document,
    clause,
    counted,
    for_reader,
    from_document,
    ngettext,
    read_by,
    worded,
)
from impact_in_pipelines.wording.language.languages import CODES
from impact_in_pipelines.wording.language.report_reader import reader_of

APPROVED = Path(__file__).parent / "approved"
OTHERS = [code for code in CODES if code != "en"]
_REPORTS = ("bad_week.json", "good_week.json", "quiet_days.json")
_ENGLISH_WORDS = re.compile(
    r"\b(the|deliveries|delivery|failed|arrived|their|which|replay|nothing|was|until)\b", re.I
)


def _report(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((APPROVED / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", _REPORTS)
def test_english_is_what_was_written(name: str) -> None:
    """The clauses give the very sentences that the document has."""
    report = _report(name)
    told = for_reader(ENGLISH, report)
    bare = [
        {key: value for key, value in one.items() if key != "said"}
        for one in report["recommendationDetails"]  # type: ignore[attr-defined]
    ]
    assert told["recommendationDetails"] == bare
    assert told["recommendations"] == report["recommendations"]


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("name", _REPORTS)
def test_no_sentence_is_left_in_english(name: str, code: str) -> None:
    """Neither in the recommendations nor on the page, what platforms and people have said apart."""
    reader, report = reader_of(code), _report(name)
    for one in for_reader(reader, report)["recommendationDetails"]:
        for text in (one["seen"], one["where"], one["action"]):
            own = re.sub(r"“.*”", "", text)
            assert not _ENGLISH_WORDS.search(own), text
    page = render_html(report, reader)
    assert f'<html lang="{code}">' in page
    shown = re.sub(r"<style>.*?</style>|<td class=\"error\">.*?</td>|“.*?”", "", page, flags=re.S)
    shown = re.sub(r"<[^>]+>", "\n", shown)
    left = [line for line in shown.splitlines() if _ENGLISH_WORDS.search(line)]
    assert left == []


@pytest.mark.parametrize("code", OTHERS)
def test_the_figures_are_the_same(code: str) -> None:
    """A count in a sentence is the document's, whatever the separators; of one thing it may be a word."""
    report = _report("bad_week.json")
    told = for_reader(reader_of(code), report)
    for was, is_ in zip(
        report["recommendationDetails"],  # type: ignore[call-overload]
        told["recommendationDetails"],
        strict=True,
    ):
        assert (was["rule"], was["urgent"]) == (is_["rule"], is_["urgent"])
        for one in from_document(was["said"]["seen"]):
            counts = [n for n in one.values.values() if isinstance(n, int) and n != 1]
            for count in counts:
                # The singular may say "the only one".
                assert count == 1 or reader_of(code).number(count) in is_["seen"]


def test_a_report_from_before_stays_as_it_was_written() -> None:
    """It has no clauses: its English is shown rather than nothing."""
    report = _report("bad_week.json")
    for one in report["recommendationDetails"]:  # type: ignore[attr-defined]
        del one["said"]
    told = for_reader(reader_of("uk"), report)
    assert told["recommendations"] == report["recommendations"]
    assert "Що робити" in render_html(report, reader_of("uk"))


def test_clauses_come_back_from_a_document() -> None:
    """Counts choose their form, figures are written as the language writes them, names stay."""
    text = worded(
        counted(ngettext("%(n)s delivery failed", "%(n)s deliveries failed"), 1_204),
        ": ",
        clause(", half of them over %(half)s", half=Figure("ms", 61_000)),
        " 100 % of “%(x)s”",
    )
    assert text == "1,204 deliveries failed: , half of them over 1 min 1 s 100 % of “%(x)s”"
    stored = from_document(json.loads(json.dumps(as_document(text))))
    assert read_by(ENGLISH, stored) == text
    assert read_by(reader_of("uk"), stored).startswith("1\u00a0204 доставки зазнали збою: ")
