"""Refusals of retention, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "retention.archive_unwritable": N_("the archive %(folder)s can't be written (%(reason)s)"),
    "retention.archive_differs": N_(
        "%(file)s was written with %(written)s rows and read back with %(found)s; nothing has been removed"
    ),
    "retention.log_busy": N_(
        "other transactions hold the delivery log for too long; nothing was changed"
    ),
}
