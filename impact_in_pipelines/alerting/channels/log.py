"""The channel where no webhook is configured: the program's own log."""

import logging

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.alerting.channels.channel import Refused
from impact_in_pipelines.plain_text import plain
from impact_in_pipelines.sla.incidents import Notice

_LOG = logging.getLogger("impact_in.alerts")


class LogChannel:
    """Says every notice in one line: critical ones as errors, the others as warnings."""

    def send(self, notice: Notice) -> Refused | None:
        """Log it; a log takes everything."""
        level = logging.ERROR if wording.is_critical(notice) else logging.WARNING
        _LOG.log(level, "%s", plain(wording.summary(notice)))
        return None
