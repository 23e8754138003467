"""Error budgets of everybody: kept as numbers, and made into objects for some companies at a time, since
those of 10,000 take as much memory as a block of their deliveries."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import Burn, ScopeKey
from impact_in_pipelines.sla.budget import (
    BUDGET_DAYS,
    PRESENT_DAYS,
    ErrorBudget,
    Errors,
    error_budget,
)
from impact_in_pipelines.sla.everybody import counting
from impact_in_pipelines.sla.everybody.measuring import burns_of
from impact_in_pipelines.sla.everybody.outcomes import PLATFORMS
from impact_in_pipelines.sla.thresholds import ThresholdBook

BUDGET_WINDOWS = (timedelta(days=PRESENT_DAYS), timedelta(days=BUDGET_DAYS))
"""What the present rate is taken of, and the whole."""
_EACH = len(PLATFORMS)

Counts = tuple[UUID, Platform, Sequence[Errors]]
"""A company's platform, and what came to its end there within each of `BUDGET_WINDOWS`."""


@dataclass(frozen=True, slots=True)
class EverybodysBudgets:
    """The budgets of the companies `ids`, which are in order; `ends` are those of their platforms within
    `BUDGET_WINDOWS` before `now`."""

    ids: Sequence[UUID]
    ends: counting.Ends
    book: ThresholdBook
    now: datetime

    def every(self) -> dict[ScopeKey, ErrorBudget]:
        """The budget of every scope."""
        return self._budgets(burns_of(self.ids, self.ends, BUDGET_WINDOWS))

    def of(self, companies: Sequence[UUID]) -> dict[ScopeKey, ErrorBudget]:
        """Those of `companies`, neighbours in order, and of their platforms."""
        first, last = bisect_left(self.ids, companies[0]), bisect_right(self.ids, companies[-1])
        places = slice(_EACH * first, _EACH * last)
        burns = burns_of(self.ids[first:last], self.ends.only(places), BUDGET_WINDOWS)
        return self._budgets({key: burn for key, burn in burns.items() if key[0] is not None})

    def of_all(self) -> dict[ScopeKey, ErrorBudget]:
        """Those of all together, and of the platforms."""
        whole = self.ends.shaped(-1, _EACH).added(axis=0)
        burns = burns_of([UUID(int=0)], whole, BUDGET_WINDOWS)
        return self._budgets({key: burn for key, burn in burns.items() if key[0] is None})

    def _budgets(self, burns: Mapping[ScopeKey, Burn]) -> dict[ScopeKey, ErrorBudget]:
        return budgets_of(burns, self.book, self.now)


def ends_in(ids: Sequence[UUID], counts: Iterable[Counts]) -> counting.Ends:
    """The ends of the platforms of the companies `ids`, counted elsewhere. Since when is left out."""
    numbers = {id_: n for n, id_ in enumerate(ids)}
    ends = counting.no_ends(_EACH * len(ids), len(BUDGET_WINDOWS))
    for company_id, platform, errors in counts:
        place = _EACH * numbers[company_id] + PLATFORMS.index(platform)
        ends.due[place] = [one.due for one in errors]
        ends.errors[place] = [one.errors for one in errors]
    return ends


def budgets_of(
    burns: Mapping[ScopeKey, Burn], book: ThresholdBook, now: datetime
) -> dict[ScopeKey, ErrorBudget]:
    """The budgets of those scopes in which anything came to its end, by how fast each burns."""
    present, whole = BUDGET_WINDOWS
    return {
        key: error_budget(burn.by_window[whole], burn.by_window[present], book.of(*key), now)
        for key, burn in burns.items()
        if burn.by_window[whole].due
    }
