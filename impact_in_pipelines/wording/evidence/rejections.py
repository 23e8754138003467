"""Why rows of an events file are rejected, for the translators: the sentences of `impact.reasons`."""

from collections.abc import Callable

from impact_in_pipelines.impact.reasons.parts import parts_of
from impact_in_pipelines.wording.marking import N_

SENTENCES = (
    N_("%(column)s is missing"),
    N_("%(column)s is longer than %(most)s characters"),
    N_("unknown company '%(value)s'"),
    N_("neither participant_ref nor volunteer_ref is given"),
    N_("a field holds a NUL byte"),
    N_("occurred_at '%(value)s' has no offset; end it with Z or such as +01:00"),
    N_("occurred_at '%(value)s' isn't ISO 8601 such as 2026-03-01T09:30:00+01:00"),
    N_("occurred_at '%(value)s' is no date and time"),
    N_("occurred_at '%(value)s' lies in the future"),
    N_("occurred_at '%(value)s' lies before %(earliest)s"),
    N_("hours '%(value)s' is no number of hours such as 1.5, from 0 to %(most)s"),
    N_("hours %(value)s is outside 0 to %(most)s"),
    N_(
        "%(column)s '%(value)s' may be %(one)s or %(other)s; write it without the comma, or with a point "
        "before its decimals"
    ),
    N_("outcome_score '%(value)s' has no outcome_category"),
    N_("outcome_category '%(value)s' has no outcome_score"),
    N_("outcome_score '%(value)s' is no decimal number such as 0.75"),
    N_("outcome_score %(value)s is outside %(lowest)s to %(highest)s of %(category)s"),
    N_("outcome_score %(value)s is outside %(lowest)s to %(highest)s"),
    N_("a quote is opened and not closed"),
    N_(
        "%(count)s fields where there should be %(right)s; a field with a comma in it must stand in quotes"
    ),
    N_("%(count)s field where there should be %(right)s"),
    N_("%(count)s fields where there should be %(right)s"),
    N_(
        "event_id '%(value)s' stands on line %(lines)s too, and not all say the same; keep the right one"
    ),
    N_(
        "event_id '%(value)s' stands on lines %(lines)s too, and not all say the same; keep the right one"
    ),
    N_("the person's data was erased on request; take the row out of the source"),
)


def rejection_in(text: Callable[[str], str], reason: str) -> str:
    """A kept reason in the language of `text`; what is no sentence of ours stays as it is."""
    return "; ".join(
        part.text if part.sentence is None else text(part.sentence) % part.parameters
        for part in parts_of(reason)
    )
