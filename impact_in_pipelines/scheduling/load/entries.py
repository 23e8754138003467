"""What a load is planned from; apart from the planning, which needs numpy."""

from typing import TypeAlias

from impact_in_pipelines.scheduling.rule import Cursor, ScheduleRule

LoadEntry: TypeAlias = tuple[str, str, ScheduleRule, Cursor]
"""Schedule id, platform, rule, cursor."""
