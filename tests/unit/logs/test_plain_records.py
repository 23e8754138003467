"""What a log line says of others' words is text."""

import logging
from collections.abc import Iterator

import pytest

from impact_in_pipelines.logs.setting_up import PlainRecord

HOSTILE = "acme\x1b[2J\u202e\nERROR all data lost"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(PlainRecord)
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize("message", [HOSTILE, "%s"])
def test_a_name_forges_no_line(message: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the message nor in what is filled in."""
    logging.getLogger("impact_in_pipelines.api").warning(message, *([HOSTILE] * (message == "%s")))
    (record,) = caplog.records
    assert record.getMessage() == "acme ERROR all data lost"


def test_messages_of_others_keep_their_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Dagster's tracebacks stay readable; control characters go there too."""
    logging.getLogger("dagster").warning("one\n  two\x1b[31m")
    assert caplog.records[0].getMessage() == "one\n  two"
