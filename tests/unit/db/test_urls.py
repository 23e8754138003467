"""What is no URL of a PostgreSQL is refused, whoever finds it out."""

import pytest

from impact_in_pipelines.db.engine import as_psycopg2
from impact_in_pipelines.errors.database import DatabaseUrlInvalid


@pytest.mark.parametrize(
    "url",
    ["foo://", "mysql://a/b", "not a url", "", "postgresql://h:port/x", "postgresql://h:5432:1/x"],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """A port that is no number was a traceback."""
    with pytest.raises(DatabaseUrlInvalid):
        as_psycopg2(url)
