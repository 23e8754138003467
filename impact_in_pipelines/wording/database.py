"""Refusals about the database, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "database.not_found": N_("there is no database in %(folder)s"),
    "database.folder_unusable": N_(
        "%(folder)s can't be used for the embedded PostgreSQL (%(reason)s)"
    ),
    "database.cannot_start": N_("the embedded PostgreSQL in %(folder)s can't start (%(reason)s)"),
    "database.elsewhere": N_(
        "the embedded PostgreSQL in %(folder)s is in use by a process that can't be seen from here, "
        "such as one in another container"
    ),
    "database.earlier_version": N_(
        "processes of an earlier version of this program still use the embedded PostgreSQL in "
        "%(folder)s (process %(processes)s); end them first"
    ),
    "database.unreachable": N_("PostgreSQL at %(host)s doesn't answer (%(reason)s)"),
    "database.sessions_unprepared": N_(
        "the sessions of the database behind the pooler are in the time zone %(zone)s, not in UTC"
    ),
    "database.empty": N_("the database has no tables yet"),
    "database.behind": N_("the database is at revision %(at)s, this program needs %(needed)s"),
    "database.ahead": N_(
        "the database is at revision %(at)s, which this version (it knows %(known)s at most) doesn't "
        "know; install the version that upgraded the database, or a newer one"
    ),
    "database.busy": N_(
        "other transactions hold a table for too long; the upgrade to revision %(revision)s is not complete"
    ),
    "database.url_invalid": N_(
        "the database's URL must be one of PostgreSQL such as "
        "postgresql://user:password@host:5432/name; it was ***"
    ),
}
