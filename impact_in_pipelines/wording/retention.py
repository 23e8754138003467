"""Refusals of what is kept, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "retention.archive_unwritable": N_("the archive %(folder)s can't be written (%(reason)s)"),
    "retention.archive_away": N_(
        "rows have been archived, and the archive isn't here (no %(missing)s in %(folder)s): nothing was "
        "erased or exported"
    ),
    "retention.archive_other": N_(
        "%(folder)s isn't the archive that this database has archived into: it has no %(missing)s; nothing "
        "was archived or removed"
    ),
    "retention.archive_differs": N_(
        "%(file)s was written with %(written)s rows and read back with %(found)s; nothing has been removed"
    ),
    "retention.log_busy": N_(
        "other transactions hold the delivery log for too long; nothing was changed"
    ),
    "evidence.span_backwards": N_("the last day (%(last)s) lies before the first (%(first)s)"),
    "evidence.archives_busy": N_("other archives are being made; try again in a minute"),
    "evidence.not_an_archive": N_("%(file)s is no archive of evidence"),
    "evidence.no_heads": N_("%(file)s has no published heads in it"),
    "evidence.folder_unwritable": N_(
        "the folder of published heads %(folder)s can't be written (%(reason)s)"
    ),
    "evidence.webhook_refused": N_("the receiver of published heads didn't take them: %(reason)s"),
}
