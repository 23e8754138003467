"""Why rows of an events file are rejected: the sentences that stand in the rejects, and what of one is the
file's own.

They are kept as English text beside the rows. `wording.evidence.rejections` has the same sentences for the
translators, and finds the parameters in a kept text again.
"""

MISSING = "%(column)s is missing"
TOO_LONG = "%(column)s is longer than %(most)s characters"
UNKNOWN_COMPANY = "unknown company '%(value)s'"
NOBODY = "neither participant_ref nor volunteer_ref is given"
NUL = "a field holds a NUL byte"
NO_OFFSET = "occurred_at '%(value)s' has no offset; end it with Z or such as +01:00"
NOT_ISO = "occurred_at '%(value)s' isn't ISO 8601 such as 2026-03-01T09:30:00+01:00"
NO_INSTANT = "occurred_at '%(value)s' is no date and time"
IN_THE_FUTURE = "occurred_at '%(value)s' lies in the future"
TOO_EARLY = "occurred_at '%(value)s' lies before %(earliest)s"
NO_HOURS = "hours '%(value)s' is no number of hours such as 1.5, from 0 to %(most)s"
HOURS_OUTSIDE = "hours %(value)s is outside 0 to %(most)s"
AMBIGUOUS = (
    "%(column)s '%(value)s' may be %(one)s or %(other)s; write it without the comma, or with a point before "
    "its decimals"
)
NO_CATEGORY = "outcome_score '%(value)s' has no outcome_category"
NO_SCORE = "outcome_category '%(value)s' has no outcome_score"
NO_DECIMAL = "outcome_score '%(value)s' is no decimal number such as 0.75"
SCORE_OUTSIDE_OF = "outcome_score %(value)s is outside %(lowest)s to %(highest)s of %(category)s"
SCORE_OUTSIDE = "outcome_score %(value)s is outside %(lowest)s to %(highest)s"
QUOTE = "a quote is opened and not closed"
COMMA_UNQUOTED = (
    "%(count)s fields where there should be %(right)s; a field with a comma in it must stand in "
    "quotes"
)
FIELD = "%(count)s field where there should be %(right)s"
FIELDS = "%(count)s fields where there should be %(right)s"
CONFLICT_LINE = (
    "event_id '%(value)s' stands on line %(lines)s too, and not all say the same; keep the right "
    "one"
)
CONFLICT_LINES = (
    "event_id '%(value)s' stands on lines %(lines)s too, and not all say the same; keep the right "
    "one"
)
ERASED = "the person's data was erased on request; take the row out of the source"

ALL = (
    *(
        MISSING,
        TOO_LONG,
        UNKNOWN_COMPANY,
        NOBODY,
        NUL,
        NO_OFFSET,
        NOT_ISO,
        NO_INSTANT,
        IN_THE_FUTURE,
    ),
    *(TOO_EARLY, NO_HOURS, HOURS_OUTSIDE, AMBIGUOUS, NO_CATEGORY, NO_SCORE, NO_DECIMAL),
    *(SCORE_OUTSIDE_OF, SCORE_OUTSIDE, QUOTE, COMMA_UNQUOTED, FIELD, FIELDS, CONFLICT_LINE),
    *(CONFLICT_LINES, ERASED),
)
"""Where one is the beginning of another, the longer comes first."""

BETWEEN = "; "
"""Between the rules that one row breaks."""


def told(sentence: str, **parameters: object) -> str:
    """A sentence with its parameters."""
    return sentence % parameters
