"""Refusals about service levels, incidents, maintenance and ids, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "sla.window_reversed": N_("the end, %(end)s, must lie after the start, %(start)s"),
    "sla.window_left": N_(
        "what was due before %(kept_from)s has been archived and removed, so that nothing can be counted "
        "from %(start)s on"
    ),
    "threshold.unknown": N_("no threshold '%(name)s'; there are: %(known)s"),
    "threshold.out_of_range": N_(
        "%(name)s must be a number from %(lowest)s to %(highest)s; it was '%(value)s'"
    ),
    "threshold.not_allowed": N_("the operator lets no company set '%(name)s'"),
    "threshold.no_scope": N_("thresholds of their own are a company's, a platform's, or both's"),
    "report.missing": N_("there is no %(period)s report that starts on %(starts_on)s"),
    "report.ahead": N_("the %(period)s period from %(starts_on)s has not begun"),
    "incident.unknown": N_("no incident '%(incident)s'"),
    "incident.closed": N_("incident %(incident)s is closed already"),
    "incident.note_empty": N_("a note needs a text"),
    "incident.note_too_long": N_("a note has at most %(longest)s characters"),
    "incident.acknowledged": N_("incident %(incident)s is acknowledged by %(by)s"),
    "maintenance.unknown": N_("no maintenance window '%(window)s'"),
    "maintenance.no_scope": N_("a maintenance window is a company's, a platform's, or both's"),
    "maintenance.no_reason": N_("the reason is empty, and it is what people read"),
    "maintenance.reversed": N_("the window ends, %(end)s, before it starts, %(start)s"),
    "maintenance.past": N_("the window is over already: it ends at %(end)s"),
    "maintenance.over": N_("maintenance window %(window)s is over already"),
    "notices.channel_unknown": N_("no notice channel '%(channel)s'"),
    "notices.message_unknown": N_("no notice '%(message)s' that could be sent again"),
    "notices.name_missing": N_("the channel has no name"),
    "notices.kinds_missing": N_("nothing is chosen that it should be notified of"),
    "notices.email_malformed": N_("'%(address)s' is not one to ten e-mail addresses"),
    "notices.url_malformed": N_(
        "the address must be a whole one, such as https://example.org/notices"
    ),
    "notices.digest_of_webhooks": N_("webhooks get each notice by itself, at once"),
    "notices.language_unknown": N_("no texts in '%(language)s'; there are: %(known)s"),
    "notices.too_many_channels": N_("there are %(most)s channels already, and no more are allowed"),
    "notices.too_many_tests": N_(
        "a test notice was sent a moment ago; another may be sent in %(seconds)s s"
    ),
    "notices.no_mail_server": N_(
        "this installation sends no e-mails: its operator has set up no server"
    ),
    "notices.no_secret": N_("%(channel)s is no webhook: nothing is signed"),
    "id.malformed": N_(
        "'%(text)s' can't be an id: give the whole one or at least its first %(shortest)s characters, "
        "0-9 and a-f"
    ),
    "id.ambiguous": N_("'%(text)s' begins several ids; give more of: %(ids)s"),
}
