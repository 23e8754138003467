"""What a change tells whoever made it, by the use case that every door calls."""

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.schedules.rows import ScheduleTwin
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import CalendarNote, HolidayCalendar, ScheduleRule
from impact_in_pipelines.services import schedules
from impact_in_pipelines.wording.notes import note_sentence

from .log import BENEVITY, DAILY


def test_a_twin_is_named_when_it_is_made_and_when_a_change_makes_one(
    runtime: Runtime, acme: Company
) -> None:
    """What one delivers, the other skips; a spread of minutes makes no difference."""
    first = schedules.create(runtime, acme, BENEVITY, DAILY, actor="a")
    assert first.notes == []
    again = schedules.create(runtime, acme, BENEVITY, DAILY, actor="a")
    assert again.notes == [ScheduleTwin(first.schedule)]
    other = ScheduleRule("weekly", "Europe/Oslo", spread_minutes=5)
    differs = schedules.create(runtime, acme, BENEVITY, other, actor="a")
    assert differs.notes == []
    changed = schedules.update(runtime, differs.schedule.id, {"cron": "daily"}, actor="a")
    assert [note for note in changed.notes if isinstance(note, ScheduleTwin)] == [
        ScheduleTwin(first.schedule)
    ]
    said = note_sentence(changed.notes[0])
    assert f"acme → Benevity had the same schedule already ({str(first.schedule.id)[:8]})" in said


def test_a_calendar_without_holidays_is_noted(runtime: Runtime, acme: Company) -> None:
    """Ukraine has none under martial law: whoever asks for them should know that no fire moves."""
    rule = ScheduleRule("daily", "Europe/Kyiv", HolidayCalendar("UA"))
    done = schedules.create(runtime, acme, BENEVITY, rule, actor="a")
    [note] = done.notes
    assert isinstance(note, CalendarNote)
    assert "no public holiday of UA is known" in note_sentence(note)
