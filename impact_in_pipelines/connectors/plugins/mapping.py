"""What the three mappings share: names, numbers and times on the wire."""

from datetime import UTC, datetime

from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.impact.figures import ImpactFigures, OutcomeFigures

SOURCE = "impact-in"
_PROGRAM_ID = "impact-in"
_PROGRAM_NAME = "Impact-In"
_NAME_LIMIT = 255


def version(correction: int) -> str:
    """The version of a report of a period, `1.0` at first; each correction raises it: `1.1`, `1.2`."""
    return f"1.{correction}"


def option(connection: Connection, name: str, default: str) -> str:
    """The connection's option as text, or `default` where it is absent or empty."""
    value = connection.options.get(name)
    return default if value is None or value == "" else str(value)


def program_id(connection: Connection) -> str:
    """Option `programId`, else `impact-in`."""
    return option(connection, "programId", _PROGRAM_ID)


def program_name(connection: Connection) -> str:
    """Option `programName`, else `Impact-In`."""
    return option(connection, "programName", _PROGRAM_NAME)


def timestamp(built_at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds; raises `ValueError` for a naive time."""
    if built_at.tzinfo is None:
        raise ValueError("built_at must be aware")
    return built_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def start_end(figures: ImpactFigures) -> dict[str, str]:
    """The period as Benevity and Workday write it, both days inclusive."""
    return {
        "startDate": figures.period_start.isoformat(),
        "endDate": figures.period_end.isoformat(),
    }


def hours(value: float) -> float:
    """Hours with two decimals."""
    return round(float(value), 2)


def score(value: float) -> float:
    """A score with four decimals."""
    return round(float(value), 4)


def percentage(value: float) -> float:
    """A score of 0–1 as percent with two decimals."""
    return round(float(value) * 100.0, 2)


def words(name: str) -> str:
    """`language_course` as `Language course`, at most 255 characters."""
    text = " ".join(name.replace("_", " ").replace("-", " ").split())
    return (text[:1].upper() + text[1:])[:_NAME_LIMIT] or name


def reported_outcomes(figures: ImpactFigures) -> dict[str, list[float]]:
    """Average and participants scored, by category, as both are sent."""
    return {one.category: [score(one.average), one.participants] for one in figures.outcomes}


def scored(figures: ImpactFigures) -> list[OutcomeFigures]:
    """The outcomes in the order of their categories."""
    return sorted(figures.outcomes, key=lambda outcome: outcome.category)
