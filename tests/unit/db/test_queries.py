"""Statements and what is written once for many of them."""

import pytest

from impact_in_pipelines.db.queries import with_fragments


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
