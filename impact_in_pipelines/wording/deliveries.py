"""Refusals about deliveries, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "delivery.unknown": N_("no delivery '%(delivery)s'"),
    "delivery.archived": N_(
        "delivery %(delivery)s was archived on %(archived_on)s: month %(month)s, file %(file)s"
    ),
    "delivery.payload_missing": N_("nothing was built for delivery '%(delivery)s' yet"),
    "delivery.receipt_missing": N_("the platform has not accepted delivery '%(delivery)s'"),
    "delivery.id_malformed": N_(
        "'%(text)s' can't be a delivery's id: give the whole UUID or at least its first %(shortest)s "
        "characters, 0-9 and a-f"
    ),
    "delivery.id_ambiguous": N_("'%(text)s' begins several deliveries' ids; give more of: %(ids)s"),
    "delivery.too_many": N_("more than %(most)s deliveries fit: narrow the choice"),
    "delivery.days_too_many": N_("more than %(most)s days at once: narrow the span"),
    "delivery.day_not_over": N_(
        "%(day)s isn't over at the company: its figures aren't complete yet"
    ),
    "replay.arrived": N_("it arrived at %(delivered_at)s, inside the duplicate window"),
    "replay.same_content": N_("the same content arrived at %(delivered_at)s"),
    "replay.unconfirmed": N_("it has arrived, and sending it again was not confirmed"),
    "replay.being_sent": N_("it is being sent at this moment"),
    "replay.on_its_way": N_("it is on its way already, next attempt at %(next_attempt_at)s"),
    "replay.renewed_already": N_("it is being sent again already"),
    "replay.batch_unsettled": N_(
        "it went out in a batch that may have arrived, and other deliveries of that batch have not failed; "
        "wait until they have ended"
    ),
    "replay.skipped": N_("its content had arrived with delivery %(duplicate_of)s"),
    "replay.missed": N_(
        "it was missed and never built; its days go out with the catch-up delivery"
    ),
    "replay.cancelled": N_("it was cancelled; only failed and arrived deliveries can be replayed"),
    "correction.not_stale": N_("what it reported is what the events say today"),
    "correction.off": N_(
        "the company's policy is not to correct what was delivered to %(platform)s"
    ),
    "correction.counts_twice": N_(
        "%(platform)s would count the corrected figures beside the first ones; somebody has to accept that "
        "in the company's policy"
    ),
    "correction.failed": N_("its correction %(correction)s has failed; that one can be replayed"),
    "correction.on_its_way": N_("its correction %(correction)s was asked for already"),
    "replay.not_buildable": N_("%(reason)s"),
    "cancel.being_sent": N_("it is being sent at this moment"),
    "cancel.too_late": N_("it has ended already (%(status)s)"),
    "cancel.in_batch": N_("it is in one batch with deliveries that go on"),
    "days.malformed": N_(
        "the first and the last day must both be dates such as 2026-01-31; they were '%(first)s' and "
        "'%(last)s'"
    ),
    "days.reversed": N_("the last day, %(last)s, lies before the first, %(first)s"),
    "day.not_begun": N_("%(day)s has not begun yet in %(timezone)s; send days up to %(latest)s"),
    "day.no_partition": N_("%(day)s has no partition; send days from %(first)s on"),
    "call_back.transaction_unknown": N_("no delivery has the transaction '%(transaction)s' yet"),
    "call_back.too_large": N_(
        "a call-back of an unknown transaction must be at most %(most)s bytes"
    ),
}
