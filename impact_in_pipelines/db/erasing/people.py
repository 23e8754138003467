"""A participant's or volunteer's reference, erased wherever it stands. Statements: erasing.sql."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, text

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.erasing.companies import INSTEAD, Erased
from impact_in_pipelines.db.erasing.holdings import HOLDINGS
from impact_in_pipelines.db.erasing.sweeping import drop_answers, sweep, table_sizes
from impact_in_pipelines.db.erasing.words import Words
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.progress import Steps

_SQL = load("erasing/erasing")


def digest_of(company_id: UUID, reference: str) -> str:
    """What an erased reference is remembered as: enough to know it again, and nothing to read it from."""
    return hashlib.sha256(f"{company_id}\0{reference}".encode()).hexdigest()


class ErasedPeople:
    """Whose data was erased, for whoever reads a file that may still have them."""

    def __init__(self, digests: Iterable[tuple[UUID, str]]) -> None:
        self._digests: dict[str, set[str]] = {}
        for company_id, digest in digests:
            self._digests.setdefault(str(company_id), set()).add(digest)

    @property
    def any(self) -> bool:
        """Whether there are any: rows needn't be looked at otherwise."""
        return bool(self._digests)

    def has(self, company_id: str, references: Iterable[str]) -> bool:
        """Whether one of `references` is an erased one of the company."""
        digests = self._digests.get(company_id)
        return digests is not None and any(
            digest_of(UUID(company_id), one) in digests for one in references if one
        )


def erased_people(connection: Connection) -> ErasedPeople:
    """All of them; there are few."""
    return ErasedPeople(
        (row.company_id, row.digest) for row in connection.execute(_SQL["erased_digests"])
    )


def no_erasing_meanwhile(connection: Connection) -> None:
    """No person is erased until the transaction ends; one who is being erased is so afterwards. To be called
    before anything else is locked. An erasure writes archives anew: waiting for it has no time-out, and what
    follows has the one that it had."""
    former = connection.scalar(text("SELECT current_setting('statement_timeout')"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(_SQL["beside_others"])
    connection.execute(
        text("SELECT set_config('statement_timeout', :former, true)"), {"former": former}
    )


def erased_so_far(connection: Connection, company_id: UUID) -> int:
    """How many people of the company were erased: another number than before says that some were since."""
    return int(connection.scalar(_SQL["erased_so_far"], {"company_id": company_id}) or 0)


class PeopleErasing:
    """Erases a person's reference."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows_to_read(self) -> int:
        """About how many rows have to be looked at for a person."""
        with self._engine.connect() as connection:
            sizes = table_sizes(connection)
        swept = [
            sizes[name]
            for name, holding in HOLDINGS.items()
            for condition in (holding.rows, holding.shared)
            if condition is not None
        ]
        return sum(swept) + sizes["impact_events"] + sizes["idempotency_keys"]

    def erase(
        self,
        company: Company,
        reference: str,
        *,
        archives: Callable[[], Mapping[str, int]],
        actor: str,
        now: datetime,
        steps: Steps,
    ) -> Erased:
        """Erase `reference` of `company`, in one transaction. Figures, delivered or not, stay as they are.
        `archives` erases it there, while no month is being archived. The audit log says how much was found,
        not of whom. A delivery of which the chain of evidence has another text gets a link that says what it
        is now. `steps` counts rows."""
        values = {"company_id": company.id}
        words = Words([reference], INSTEAD)
        rows: dict[str, int] = {}
        changed: dict[str, list[Any]] = {"impact_deliveries": [], "delivery_attempts": []}
        with self._engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            sizes = table_sizes(connection)
            # An import that began before ends first, and the next one knows the person for an erased one.
            connection.execute(_SQL["alone"])
            cleared = archives()
            person = {**values, "reference": reference, "alias": f"erased-{uuid4()}"}
            rows["impact_events"] = connection.execute(_SQL["forget_person"], person).rowcount
            steps.step(sizes["impact_events"])
            remembered = {**values, "digest": digest_of(company.id, reference), "now": now}
            connection.execute(_SQL["remember_erased"], remembered)
            rows["event_upload_parts"] = connection.execute(
                _SQL["drop_upload_contents"], values
            ).rowcount
            connection.execute(_SQL["discard_uploads"], {**values, "now": now, "actor": actor})
            rows["idempotency_keys"] = drop_answers(connection, words)
            steps.step(sizes["idempotency_keys"])
            for name, holding in HOLDINGS.items():
                table = metadata.tables[name]
                for condition in (holding.rows, holding.shared):
                    if condition is not None:
                        found = sweep(connection, table, condition, values, words)
                        steps.step(sizes[name])
                        # An event of theirs, counted already, may say it in its other texts too.
                        rows[name] = rows.get(name, 0) + len(found) * (name != "impact_events")
                        if name in changed:
                            changed[name] += found
            done = {name: count for name, count in sorted(rows.items()) if count}
            after = {"rows": done, "archives": dict(cleared)}
            change = Change("participant.erase", f"company {company.id}", company.id, after=after)
            record(connection, [change], actor=actor, now=now)
            tried = connection.scalars(
                _SQL["deliveries_of_attempts"], {"ids": changed["delivery_attempts"]}
            )
            add_links(connection, {*changed["impact_deliveries"], *tried})
        return Erased(done, cleared)
