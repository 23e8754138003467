"""Statements and what is written once for many of them."""

import pytest
from sqlalchemy import text

from impact_in_pipelines.db.queries import load, narrowed, with_fragments


def test_open_statuses_are_written_out_as_the_partial_index_has_them() -> None:
    """Bound parameters would hide from the planner that the index serves."""
    assert with_fragments("status IN @open") == "status IN ('pending', 'in_progress', 'retrying')"
    assert with_fragments("status IN @shown") == "status IN ('success', 'failed', 'skipped')"


@pytest.mark.parametrize("sql", ["@opened", "@changed_since", "@changed_since(d)", "@open(d)"])
def test_an_unknown_fragment_stops_the_start(sql: str) -> None:
    """It would otherwise reach PostgreSQL as an operator."""
    with pytest.raises(ValueError, match="no fragment"):
        with_fragments(sql)


def test_comments_are_left_out() -> None:
    """A colon in one would be taken for a bound parameter, an @ for a fragment."""
    assert with_fragments("-- see: @nothing\nSELECT 1") == "SELECT 1"


def test_conditions_on_what_is_not_given_are_left_out() -> None:
    """The planner would weigh each of them for each month and each question, to find that it always holds."""
    statement = text(
        "SELECT 1\n  AND (CAST(:a AS uuid[]) IS NULL OR x = ANY(:a))\n"
        "  AND (CAST(:b AS text) IS NULL OR y = f(:b))\n  AND (z IS NULL OR z)\nLIMIT 1"
    )
    assert str(narrowed(statement, {"a": None, "b": 2})) == (
        "SELECT 1\nAND (y = f(:b))\n  AND (z IS NULL OR z)\nLIMIT 1"
    )


@pytest.mark.parametrize("name", ["listed", "listed_of_several"])
def test_a_page_says_nothing_of_filters_that_are_not_set(name: str) -> None:
    """Each of its conditions is written so that it can be left out."""
    assert "IS NULL OR" not in str(narrowed(load("deliveries/reading")[name], {}))
