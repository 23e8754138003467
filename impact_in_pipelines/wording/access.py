"""Refusals about who may come in, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "session.unknown": N_("no session or sign-in link '%(session)s'"),
    "token.spent": N_(
        "this token was used to sign in before, or was revoked; each signs in once: ask for a new one"
    ),
    "token.unreadable": N_("this is not a token that could be revoked"),
}
