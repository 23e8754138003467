"""What each account may still send, one row for each, locked while it is changed. Statements: grants.sql."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.engine import drained_rows, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.limits.budgets import (
    Ask,
    Budget,
    BudgetAccount,
    Grant,
    exchange,
    without_ended,
)
from impact_in_pipelines.processes import is_alive, named, this_process

_SQL = load("deliveries/queueing/grants")

_UNUSED_FOR = timedelta(days=3)
"""By then every slot has rested and every hour has left the day's count."""


class PgRequestBudgets:
    """`delivery.ports.RequestBudgets` on PostgreSQL: the arithmetic is `delivery.limits.budgets`.

    A slot's holder is a drain and its process (`PROCESS#DRAIN`): what one that has ended on this machine
    still had comes back early. Of another machine's nobody here can tell.

    A few reads and one write for all accounts of an exchange: measured a fraction of what a row for each
    request would cost. `lend_s`: seconds until a granted request must have been answered.
    """

    def __init__(self, engine: Engine, *, lend_s: float) -> None:
        self._engine = engine
        self._lend_s = lend_s

    def exchange(self, asks: Sequence[Ask], *, holder: str) -> Sequence[Grant]:
        if not asks:
            return []
        holder = f"{this_process().name}#{holder}"
        accounts = {ask.account for ask in asks}
        while True:
            with self._engine.begin() as connection:
                locked, now = _locked(connection, accounts)
                if len(locked) == len(accounts):
                    return self._exchange(connection, locked, asks, holder, now)
            # In a transaction of its own: it must not add while it holds others' locks.
            with self._engine.begin() as connection:
                rows = [_key(account) for account in accounts - locked.keys()]
                connection.execute(_SQL["add_accounts"], {"rows": drained_rows(rows)})

    def purge(self) -> int:
        """Drop accounts to which nothing has been sent for days; returns how many. One that is sent to again
        begins anew."""
        with self._engine.begin() as connection:
            return connection.execute(_SQL["purge"], {"unused_for": _UNUSED_FOR}).rowcount

    def _exchange(
        self,
        connection: Connection,
        budgets: dict[BudgetAccount, Budget],
        asks: Sequence[Ask],
        holder: str,
        now: float,
    ) -> list[Grant]:
        grants = []
        for account, budget in budgets.items():
            ended = _ended({block.holder for block in budget.blocks} - {holder, ""})
            if ended:
                budgets[account] = without_ended(budget, ended, now)
        for ask in asks:
            budgets[ask.account], grant = exchange(
                budgets[ask.account], ask, holder=holder, now=now, lend_s=self._lend_s
            )
            grants.append(grant)
        rows = [_key(account) | budget.as_json() for account, budget in budgets.items()]
        connection.execute(_SQL["write_accounts"], {"rows": drained_rows(rows)})
        return grants


def _key(account: BudgetAccount) -> dict[str, Any]:
    # `dataclasses.asdict` copies each value: a tenth of what taking in a chunk cost.
    return {
        "platform": account.platform,
        "base_url": account.base_url,
        "organization_id": account.organization_id,
    }


def _ended(holders: Iterable[str]) -> set[str]:
    """Those whose processes were on this machine and are gone."""
    return {holder for holder in holders if _is_gone(holder.partition("#")[0])}


def _is_gone(name: str) -> bool:
    process = named(name)
    try:
        return process is not None and not is_alive(process)
    except ValueError:  # another machine's, or another start of this one
        return False


def _locked(
    connection: Connection, accounts: Iterable[BudgetAccount]
) -> tuple[dict[BudgetAccount, Budget], float]:
    """The budgets of those accounts that there are, locked, and what time it is."""
    rows: Sequence[Mapping[str, Any]] = rows_of(
        connection.execute(
            _SQL["lock_accounts"], {"rows": drained_rows([_key(account) for account in accounts])}
        )
    )
    budgets = {
        BudgetAccount(row["platform"], row["base_url"], row["organization_id"]): Budget.from_json(
            row["blocks"], row["hours"]
        )
        for row in rows
    }
    return budgets, max((row["now"] for row in rows), default=0.0)
