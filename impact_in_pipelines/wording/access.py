"""Refusals about who may come in, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "session.unknown": N_("no session or sign-in link '%(session)s'"),
    "token.spent": N_(
        "this token was used to sign in before, or was revoked; each signs in once: ask for a new one"
    ),
    "token.not_for_signing_in": N_("this token is for programs and signs nobody in"),
    "token.name_missing": N_("the token has no name"),
    "token.lifetime": N_("a token holds from one to %(days)s days"),
    "token.roles": N_("a token gets no more rights than whoever makes it has"),
    "token.too_many": N_("there are %(most)s tokens already, and no more are allowed"),
    "token.unknown": N_("no token '%(token)s' that could be revoked"),
    "token.unreadable": N_("this is not a token that could be revoked"),
}
