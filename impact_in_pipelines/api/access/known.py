"""Companies and tokens that were looked up a moment ago: nearly every request asks for the same ones."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company, CompanyStore
from impact_in_pipelines.errors import NotFound

K = TypeVar("K")
V = TypeVar("V")

KEPT_FOR_S = 30.0
_MOST = 10_000


class Recent(Generic[K, V]):
    """Values by key for at most `KEPT_FOR_S` seconds; the oldest make room. Safe to share between threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What was kept under `key`, if it isn't too old."""
        kept = self._kept.get(key)
        if kept is None or self._clock() - kept[0] >= KEPT_FOR_S:
            return None
        return kept[1]

    def drop(self, key: K) -> None:
        """Forget what was kept under `key`."""
        self._kept.pop(key, None)

    def keep(self, key: K, value: V) -> None:
        """Keep `value`."""
        self._kept[key] = (self._clock(), value)
        while len(self._kept) > _MOST:
            try:
                self._kept.popitem(last=False)
            except KeyError:  # another thread was faster
                return


class KnownCompanies:
    """Companies by id. Those that aren't there are asked for each time: they may be added."""

    def __init__(self, store: CompanyStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._recent: Recent[UUID, Company] = Recent(clock=clock)

    def forget(self, company_id: UUID) -> None:
        """It was changed here; other processes know so within half a minute."""
        self._recent.drop(company_id)

    def recent(self, company_id: UUID) -> Company | None:
        """The company, if it was looked up in the last half minute: nobody is asked."""
        return self._recent.get(company_id)

    def of(self, company_ids: Sequence[UUID]) -> list[Company]:
        """Those that exist, at most half a minute old, by one look-up."""
        known = {id_: self._recent.get(id_) for id_ in company_ids}
        found = [company for company in known.values() if company is not None]
        missing = [id_ for id_, company in known.items() if company is None]
        for company in self._store.by_id(missing) if missing else ():
            self._recent.keep(company.id, company)
            found.append(company)
        return found

    def get(self, company_id: UUID) -> Company | None:
        """The company, at most half a minute old."""
        found = self._recent.get(company_id)
        if found is None:
            try:
                found = self._store.find(str(company_id))
            except NotFound:
                return None
            self._recent.keep(company_id, found)
        return found
