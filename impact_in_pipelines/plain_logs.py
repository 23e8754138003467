"""Log lines hold others' words as text: nobody forges a line or moves the cursor of whoever reads the log."""

import logging

from impact_in_pipelines.plain_text import plain, unharmed

_OURS = "impact_in_pipelines"


class PlainRecord(logging.LogRecord):
    """A record whose message is without control and bidi characters; ours is one line."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        said = super().getMessage()
        # Dagster lays its messages out in several lines.
        return plain(said) if self.name.partition(".")[0] == _OURS else unharmed(said)


def keep_logs_plain() -> None:
    """Make every log record of this process a plain one."""
    logging.setLogRecordFactory(PlainRecord)
