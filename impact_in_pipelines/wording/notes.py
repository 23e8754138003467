"""What a person should know of a change that was made: not refusals, but worded in the same way."""

from typing import Any

from impact_in_pipelines.db.schedules.rows import DaysLeftOut, Note, ScheduleTwin
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling import CalendarNote
from impact_in_pipelines.wording.marking import N_
from impact_in_pipelines.wording.sentences import Read, Translate, readable, sentence

_TWIN = N_(
    "%(company)s → %(platform)s had the same schedule already (%(id)s): what one delivers, the other skips "
    "as a duplicate"
)
_DAY_LEFT_OUT = N_(
    "%(start)s fell into the pause and is not sent by itself, since catch-up is none"
)
_DAY_BEYOND_LIMIT = N_(
    "%(start)s fell into the pause and is not sent by itself, since it is beyond the catch-up limit "
    "(days: %(limit)s)"
)
_LEFT_OUT = N_(
    "%(start)s to %(end)s (%(days)s days) fell into the pause and are not sent by themselves, since catch-up "
    "is none"
)
_BEYOND_LIMIT = N_(
    "%(start)s to %(end)s (%(days)s days) fell into the pause and are not sent by themselves, since they are "
    "beyond the catch-up limit (days: %(limit)s)"
)
_CALENDARS = {
    "calendar.empty": N_(
        "no public holiday of %(region)s is known for %(year)s: no delivery is dropped or moved for one"
    ),
    "calendar.no_region": N_(
        "%(region)s has no public holidays of its own in %(year)s: those of %(country)s count"
    ),
    "calendar.region": N_(
        "of the public holidays of %(region)s in %(year)s, %(own)s are its own and not those of all of "
        "%(country)s"
    ),
}


def note_sentence(note: Note, translate: Translate = str, *, read: Read = readable) -> str:
    """What the note says, in one line without a command."""

    def worded(text: str, **values: Any) -> str:
        return translate(text) % {name: read(value) for name, value in values.items()}

    match note:
        case ScheduleTwin(other):
            return worded(
                _TWIN, company=other.company, platform=other.platform, id=str(other.id)[:8]
            )
        case DaysLeftOut(start, end, None):
            left_out = _DAY_LEFT_OUT if note.days == 1 else _LEFT_OUT
            return worded(left_out, start=start, end=end, days=note.days)
        case DaysLeftOut(start, end, limit):
            beyond = _DAY_BEYOND_LIMIT if note.days == 1 else _BEYOND_LIMIT
            return worded(beyond, start=start, end=end, days=note.days, limit=limit)
        case CalendarNote():
            return worded(
                _CALENDARS[note.code],
                region=note.region,
                country=note.country,
                year=note.year,
                own=note.own,
            )
        case InvalidSchedule():
            return sentence(note, translate, read=read)
