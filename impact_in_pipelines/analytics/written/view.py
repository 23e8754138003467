"""Analytics in words: the tiles, sentences and tables that a page, a report and a Markdown text all show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from impact_in_pipelines.analytics.document import has_prices, known_points
from impact_in_pipelines.analytics.hours import HourVerdict
from impact_in_pipelines.analytics.written.drawing import DayLabel, Drawn, axis_label, drawn_charts
from impact_in_pipelines.platforms import TITLES, Platform
from impact_in_pipelines.sla.reports.rendering import WORDS
from impact_in_pipelines.sla.reports.said import N_, ReportLanguage
from impact_in_pipelines.sla.wording import instant

_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure that stands for many. `off`: it misses its target."""

    name: str
    value: str
    note: str
    off: bool = False


@dataclass(frozen=True, slots=True)
class WordTable:
    """Rows whose first `names` cells are words and whose others are figures. `folded`: it is long."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    names: int = 1
    folded: bool = False


@dataclass(frozen=True, slots=True)
class AnalyticsView:
    """All of it. Without anything to say only `title`, `span` and `counted` are filled."""

    title: str
    span: str
    counted: str
    tiles: Sequence[Tile] = ()
    charts: Sequence[Drawn] = ()
    platforms: WordTable | None = None
    errors: WordTable | None = None
    best_hours: Sequence[str] = ()
    hours: WordTable | None = None
    companies: WordTable | None = None
    points: WordTable | None = None

    @property
    def tables(self) -> list[WordTable]:
        """Those that have rows, in their order."""
        some = (self.platforms, self.errors, self.hours, self.companies, self.points)
        return [one for one in some if one is not None and one.rows]


def view(
    document: Mapping[str, Any], reader: ReportLanguage, label: DayLabel = axis_label
) -> AnalyticsView:
    """`document` as `reader` reads it, with `label` for days below charts."""
    text = reader.text
    name = document["companyName"] or text(N_("All companies"))
    first, last = (datetime.fromisoformat(document[end]) for end in ("from", "to"))
    counted = document["countedAt"]
    about = AnalyticsView(
        title=text(N_("%(company)s: analytics")) % {"company": name},
        span=reader.days(first, last, with_time=False),
        counted=text(N_("Counted every hour, last at %(at)s UTC.")) % {"at": instant(counted)}
        if counted
        else text(N_("Nothing was counted yet; that happens every hour.")),
    )
    total = document["total"]
    if not (total["plannedDeliveries"] or total["requests"]):
        return about
    return replace(
        about,
        tiles=_tiles(document, reader),
        charts=drawn_charts(document, reader, label),
        platforms=_platforms(document, reader),
        errors=_errors(document, reader),
        best_hours=[_best_hour(one, reader) for one in document["platforms"]],
        hours=_hours(document, reader),
        companies=_companies(document, reader),
        points=_points(document, reader),
    )


def _tiles(document: Mapping[str, Any], reader: ReportLanguage) -> list[Tile]:
    one, earlier, targets = document["total"], document["before"], document["targets"]
    text, number = reader.text, reader.number
    before = N_("the %(days)s days before: %(value)s")
    first, last = (datetime.fromisoformat(document[end]) for end in ("from", "to"))
    days = number((last - first) / timedelta(days=1) + 1)

    def was(value: str) -> str:
        return text(before) % {"days": days, "value": value}

    tiles = [
        Tile(
            text(N_("Deliveries due")),
            number(one["plannedDeliveries"]),
            was(number(earlier["plannedDeliveries"])),
        ),
        Tile(
            text(N_("Success rate")),
            reader.share(one["successRate"]),
            was(reader.share(earlier["successRate"])),
            _below(one["successRate"], targets["successRate"]),
        ),
        Tile(
            text(N_("On time")),
            reader.share(one["onTimeRate"]),
            was(reader.share(earlier["onTimeRate"])),
            _below(one["onTimeRate"], targets["onTimeRate"]),
        ),
        Tile(
            text(N_("Average latency")),
            reader.duration(one["avgLatencyMs"]),
            was(reader.duration(earlier["avgLatencyMs"])),
            (one["avgLatencyMs"] or 0) > targets["latencyMs"],
        ),
        Tile(
            text(N_("API calls")),
            number(one["requests"]),
            text(N_("%(failed)s failed, %(repeated)s were repeats"))
            % {
                "failed": number(one["failedRequests"]),
                "repeated": number(one["repeatedRequests"]),
            },
        ),
        Tile(
            text(N_("Calls saved by batching")),
            number(one["savedRequests"]),
            text(N_("%(share)s of what single sends would have taken"))
            % {"share": reader.share(_share(one["savedRequests"], one["deliveriesSent"]), 1)},
        ),
    ]
    if has_prices(document):
        note = text(N_("batching saved %(cost)s")) % {
            "cost": _cost(one["savedCost"], document, reader)
        }
        tiles.append(Tile(text(N_("Cost of calls")), _cost(one["cost"], document, reader), note))
    return tiles


def _platforms(document: Mapping[str, Any], reader: ReportLanguage) -> WordTable:
    text, number = reader.text, reader.number
    head = [
        *(text(N_("Platform")), text(N_("Due")), text(N_("Success rate")), text(N_("On time"))),
        *(text(N_("API calls")), text(N_("Failed calls")), text(N_("Repeats"))),
        *(text(N_("Median answer")), text(N_("95 % within")), text(N_("Waited in all"))),
        text(N_("Saved by batching")),
    ]
    rows = [
        [
            _title(one),
            number(one["plannedDeliveries"]),
            reader.share(one["successRate"]),
            reader.share(one["onTimeRate"]),
            number(one["requests"]),
            number(one["failedRequests"]),
            number(one["repeatedRequests"]),
            reader.duration(one["p50AnswerMs"]),
            reader.duration(one["p95AnswerMs"]),
            reader.duration(one["answerSeconds"] * 1_000),
            number(one["savedRequests"]),
        ]
        for one in document["platforms"]
    ]
    if has_prices(document):
        head.append(text(N_("Cost")))
        for row, one in zip(rows, document["platforms"], strict=True):
            row.append(_cost(one["cost"], document, reader))
    note = N_(
        "A call is one request of which the answer is known, whatever it was for; a batch is one call. "
        "Answers are measured until all of it is here; their median is within 5 %."
    )
    return WordTable(text(N_("Platforms compared")), head, rows, text(note))


def _errors(document: Mapping[str, Any], reader: ReportLanguage) -> WordTable:
    text = reader.text
    head = [
        text(one) for one in (N_("Platform"), N_("Reason"), N_("Failed calls"), N_("Of its calls"))
    ]
    rows = [
        [
            _title(one),
            text(WORDS.get(error["kind"], error["kind"].replace("_", " "))),
            reader.number(error["requests"]),
            reader.share(_share(error["requests"], one["requests"])),
        ]
        for one in document["platforms"]
        for error in one["errors"]
    ]
    return WordTable(text(N_("Why calls failed")), head, rows, names=2)


def _best_hour(one: Mapping[str, Any], reader: ReportLanguage) -> str:
    """What the hours of a platform say, in the company's zone where it is about one."""
    found = one["bestLocalHour"] or one["bestHour"]
    best, others, text = found["best"], found["others"], reader.text
    values = {
        "platform": _title(one),
        "fewest": reader.number(found["fewestRequests"]),
        "compared": reader.number(found["comparedHours"]),
        "hours": hour_ranges(found["hours"]),
    }
    match HourVerdict(found["verdict"]):
        case HourVerdict.FEW:
            said = N_(
                "%(platform)s: too few calls to compare hours. Two hours of the day with %(fewest)s calls "
                "each are needed."
            )
        case HourVerdict.ALIKE:
            said = N_(
                "%(platform)s: no hour is better than the others. What differs between the %(compared)s "
                "hours with %(fewest)s calls or more may be chance."
            )
        case HourVerdict.MORE_SUCCEED:
            said = N_(
                "%(platform)s: most calls succeed at %(hours)s: %(share)s of %(n)s (95 %% interval: %(low)s "
                "to %(high)s), against %(other)s of %(m)s in the other hours."
            )
        case HourVerdict.FASTER:
            said = N_(
                "%(platform)s: answers come fastest at %(hours)s: half of %(n)s within %(ms)s, against "
                "%(other_ms)s for %(m)s in the other hours."
            )
    if best:
        interval = best["successRateInterval"]
        values |= {
            "n": reader.number(best["requests"]),
            "share": reader.share(best["successRate"]),
            "low": reader.share(interval["low"], 1),
            "high": reader.share(interval["high"], 1),
            "ms": reader.duration(best["p50AnswerMs"]),
        }
    if others:
        values |= {
            "m": reader.number(others["requests"]),
            "other": reader.share(others["successRate"]),
            "other_ms": reader.duration(others["p50AnswerMs"]),
        }
    return text(said) % values


def hour_ranges(hours: Sequence[int]) -> str:
    """Hours of the day as spans, midnight included: [5, 6, 7, 12] is 05:00–08:00, 12:00–13:00."""
    some = set(hours)
    starts = [one for one in sorted(some) if (one - 1) % 24 not in some] or sorted(some)[:1]
    spans = []
    for start in starts:
        length = next((n for n in range(1, 24) if (start + n) % 24 not in some), 24)
        spans.append(f"{start:02d}:00–{(start + length) % 24:02d}:00")
    return ", ".join(spans)


def _hours(document: Mapping[str, Any], reader: ReportLanguage) -> WordTable:
    text, local = reader.text, document["timezone"] is not None
    head = [
        *(text(N_("Platform")), text(N_("Hour")), text(N_("API calls")), text(N_("Succeeded"))),
        *(text(N_("95 % interval")), text(N_("Median answer"))),
    ]
    rows = [
        [
            _title(one),
            f"{hour['hour']:02d}:00",
            reader.number(hour["requests"]),
            reader.share(hour["successRate"]),
            _interval(hour["successRateInterval"], reader),
            reader.duration(hour["p50AnswerMs"]),
        ]
        for one in document["platforms"]
        for hour in one["localHours" if local else "hours"]
    ]
    zone = text(N_("Hours are those of %(zone)s.")) % {"zone": document["timezone"] or "UTC"}
    return WordTable(text(N_("Hours of the day")), head, rows, zone, names=2, folded=True)


def _interval(one: Mapping[str, Any] | None, reader: ReportLanguage) -> str:
    if one is None:
        return _NOTHING
    return f"{reader.share(one['low'], 1)} – {reader.share(one['high'], 1)}"


def _companies(document: Mapping[str, Any], reader: ReportLanguage) -> WordTable:
    text, number = reader.text, reader.number
    head = [
        *(text(N_("Company")), text(N_("API calls")), text(N_("Deliveries sent"))),
        *(text(N_("Saved by batching")), text(N_("Failed calls")), text(N_("Repeats"))),
        *(text(N_("Average answer")), text(N_("Waited in all"))),
    ]
    rows = [
        [
            one["companyName"],
            number(one["requests"]),
            number(one["deliveriesSent"]),
            number(one["savedRequests"]),
            number(one["failedRequests"]),
            number(one["repeatedRequests"]),
            reader.duration(one["avgAnswerMs"]),
            reader.duration(one["answerSeconds"] * 1_000),
        ]
        for one in document["companies"]
    ]
    if has_prices(document):
        head.append(text(N_("Cost")))
        for row, one in zip(rows, document["companies"], strict=True):
            row.append(_cost(one["cost"], document, reader))
    left_out = document["companiesInAll"] - len(rows)
    note = (
        text(N_("The %(shown)s with the most calls; the CSV has all of %(all)s."))
        % {"shown": number(len(rows)), "all": number(document["companiesInAll"])}
        if left_out > 0
        else ""
    )
    return WordTable(text(N_("Calls and costs by company")), head, rows, note)


def _points(document: Mapping[str, Any], reader: ReportLanguage) -> WordTable:
    text, number = reader.text, reader.number
    head = [
        *(text(N_("From")), text(N_("Due")), text(N_("Arrived")), text(N_("Success rate"))),
        *(text(N_("On time")), text(N_("Average latency")), text(N_("API calls"))),
        *(text(N_("Failed calls")), text(N_("Median answer"))),
    ]
    rows = [
        [
            one["from"],
            number(one["plannedDeliveries"]),
            number(one["succeededDeliveries"]),
            reader.share(one["successRate"]),
            reader.share(one["onTimeRate"]),
            reader.duration(one["avgLatencyMs"]),
            number(one["requests"]),
            number(one["failedRequests"]),
            reader.duration(one["p50AnswerMs"]),
        ]
        for one in reversed(known_points(document))
    ]
    return WordTable(text(N_("In figures")), head, rows, folded=True)


def _cost(value: float | None, document: Mapping[str, Any], reader: ReportLanguage) -> str:
    return _NOTHING if value is None else f"{reader.number(value, 2)} {document['currency']}"


def _title(one: Mapping[str, Any]) -> str:
    return TITLES[Platform(one["platform"])]


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _below(value: float | None, target: float) -> bool:
    return value is not None and value < target
