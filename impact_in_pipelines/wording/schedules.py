"""Refusals about schedules, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "cron.empty": N_(
        "the schedule is empty: give a preset (hourly, every-6-hours, daily, weekly, monthly) or five fields "
        "like '30 8 * * 1-5'"
    ),
    "cron.nickname": N_(
        "schedule '%(cron)s': @nicknames aren't supported: give a preset (hourly, every-6-hours, daily, "
        "weekly, monthly) or five fields like '30 8 * * 1-5'"
    ),
    "cron.too_long": N_("schedule '%(cron)s' is longer than %(longest)s characters"),
    "cron.six_fields": N_(
        "schedule '%(cron)s' has six fields: seconds (or years) aren't supported, write minute, hour, day of "
        "month, month, day of week"
    ),
    "cron.not_five_fields": N_(
        "schedule '%(cron)s' doesn't have five fields: give a preset (hourly, every-6-hours, daily, weekly, "
        "monthly) or five fields like '30 8 * * 1-5'"
    ),
    "cron.minute": N_(
        "schedule '%(cron)s': minute '%(field)s' isn't valid: use *, */step, lists and ranges of 0-59"
    ),
    "cron.hour": N_(
        "schedule '%(cron)s': hour '%(field)s' isn't valid: use *, */step, lists and ranges of 0-23"
    ),
    "cron.month_day": N_(
        "schedule '%(cron)s': day of month '%(field)s' isn't valid: use *, */step, lists and ranges of 1-31, "
        "L (last day) or LW (last weekday)"
    ),
    "cron.month": N_(
        "schedule '%(cron)s': month '%(field)s' isn't valid: use *, */step, lists and ranges of 1-12 or "
        "JAN-DEC"
    ),
    "cron.week_day": N_(
        "schedule '%(cron)s': day of week '%(field)s' isn't valid: use *, */step, lists and ranges of 0-7 or "
        "SUN-SAT, 1#2 (second Monday) or 5L (last Friday)"
    ),
    "cron.never_fires": N_(
        "schedule '%(cron)s' is never due: no month it names has such a day; mend day of month, month or day "
        "of week"
    ),
    "picked.week_day_missing": N_("pick at least one weekday"),
    "picked.month_day_missing": N_("pick at least one day of the month"),
    "picked.step_unknown": N_("every %(step)s hours isn't one of %(known)s"),
    "picked.time_malformed": N_("'%(text)s' isn't a time of day, such as 08:30"),
    "schedule.never_again": N_(
        "schedule '%(cron)s' is never due again: its holiday calendar or window drops every delivery; change "
        "the rule or the calendar"
    ),
    "timezone.unknown": N_(
        "time zone '%(timezone)s' isn't known: use an IANA name such as %(example)s"
    ),
    "calendar.country_missing": N_(
        "holiday calendar without a country: give one such as NO, or dates of your own"
    ),
    "calendar.country_unknown": N_(
        "holiday calendar: country '%(country)s' isn't known: use an ISO 3166 code such as NO"
    ),
    "calendar.region_unknown": N_(
        "holiday calendar: %(country)s has no subdivision '%(region)s' (known: %(known)s)"
    ),
    "calendar.policy_unknown": N_("holiday policy '%(policy)s' isn't one of %(known)s"),
    "calendar.date_malformed": N_(
        "holiday calendar: '%(text)s' isn't a date, write it like 2026-12-24"
    ),
    "calendar.option_unknown": N_(
        "holiday calendar: '%(option)s' isn't known: write COUNTRY[-SUBDIVISION][;policy=POLICY]"
        "[;extra=DATE,DATE], e.g. 'NO;policy=skip'"
    ),
    "window.not_whole_minutes": N_("delivery window: %(at)s must be a local time in whole minutes"),
    "window.end_before_start": N_(
        "delivery window %(start)s to %(end)s: the end must be later than the start (00:00 as the end means "
        "midnight)"
    ),
    "window.half": N_("delivery window: give both the start and the end, such as 08:00 and 18:00"),
    "window.days_unknown": N_("delivery window: days %(days)s must be of 1 (Monday) to 7 (Sunday)"),
    "window.weekends_only": N_(
        "delivery window %(window)s opens on weekends only, and the holiday policy %(policy)s moves every "
        "delivery off them: change one of them"
    ),
    "schedule.catch_up_unknown": N_("catch-up '%(catch_up)s' isn't one of %(known)s"),
    "schedule.catch_up_limit": N_("catch-up limit %(days)s must be at least 1 day"),
    "schedule.spread_range": N_("spread %(minutes)s must be 0 to 1439 minutes"),
    "load.end_before_start": N_("the plan's end %(end)s must be later than its start %(start)s"),
    "load.capacity_missing": N_(
        "capacity of %(platform)s must be given, as more than 0 deliveries a minute"
    ),
    "platform.unknown": N_("platform '%(platform)s' must be one of %(known)s"),
    "preview.out_of_range": N_("a preview starts between %(first)s and %(last)s"),
    "schedule.unknown": N_("no schedule %(schedule)s"),
    "schedule.deleted": N_("schedule %(schedule)s was deleted at %(deleted_at)s"),
    "schedule.id_malformed": N_(
        "schedule id '%(text)s' must be an id or at least %(shortest)s characters of one"
    ),
    "schedule.id_ambiguous": N_("schedule id %(text)s fits several (%(ids)s): give more of it"),
    "schedule.reason_missing": N_("a pause needs a reason that others can read"),
    "schedule.run_already": N_("the schedule has a delivery for %(at)s already"),
}
