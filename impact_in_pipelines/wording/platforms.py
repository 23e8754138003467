"""Refusals about platforms that are held and resumed, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "platform.no_reason": N_("the reason of a hold is empty, and it is what people read"),
    "platform.held": N_("%(platform)s is held already by %(by)s"),
    "platform.not_held": N_("nothing holds %(platform)s: what is due is sent"),
    "platform.resumed_lately": N_(
        "%(platform)s was resumed a moment ago and is being tried; it can be resumed again at %(again_at)s"
    ),
}
