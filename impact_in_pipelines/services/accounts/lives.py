"""A company's life after it was added: renamed, switched off and on, exported and erased; a person erased.

All of it is the operator's: what a tenant may see or do never changes by it, except that it ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from impact_in_pipelines.db.accounts.companies import Company, CompanyLife
from impact_in_pipelines.db.deliveries.cancelling import CancelStore
from impact_in_pipelines.db.erasing.archives import Archives
from impact_in_pipelines.db.erasing.companies import (
    INSTEAD,
    CompanyErasing,
    Erased,
    Exported,
)
from impact_in_pipelines.db.erasing.people import PeopleErasing
from impact_in_pipelines.db.erasing.words import Words
from impact_in_pipelines.db.retention.marks import missing_of_archive
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.errors.accounts import (
    CompanyBeingSent,
    CompanyNameEmpty,
    CompanyNotConfirmed,
    CompanyNotExported,
    CompanyStillActive,
    ExportUnwritable,
    ReferenceEmpty,
)
from impact_in_pipelines.errors.retention import ArchiveAway
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.progress import Steps, Tell, silent
from impact_in_pipelines.runtime import Runtime

__all__ = ["CompanyLife", "Deactivated", "Erased", "Exported", "Reactivated"]

PAUSED_FOR = "the company is deactivated"
"""Why its schedules are paused: those that somebody had paused before are not resumed with it."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Deactivated:
    """A company that was switched off: how many schedules stopped, how many waiting deliveries were
    cancelled, and how many are being sent at this moment, which end by themselves."""

    company: Company
    schedules: int
    cancelled: int
    being_sent: int


@dataclass(frozen=True, slots=True)
class Reactivated:
    """A company that was switched on again, and the schedules that were resumed with it; one that is still
    paused says in `notice` why."""

    company: Company
    schedules: Sequence[Schedule]


def life(runtime: Runtime, company: Company) -> CompanyLife:
    """Since when it is switched off, and what was exported since."""
    return runtime.companies.life(company.id)


def rename(runtime: Runtime, company: Company, name: str, *, actor: str) -> Company:
    """Give it another name; payloads have it from the next delivery on. Raises `CompanyNameEmpty`."""
    if not name.strip():
        raise CompanyNameEmpty
    return runtime.companies.rename(company, name.strip(), actor=actor, now=runtime.clock())


def deactivate(
    runtime: Runtime, company: Company, *, actor: str, reason: str | None = None
) -> Deactivated:
    """Stop everything of it: schedules are paused, what waits is cancelled, nothing is claimed any more. Its
    history stays. One that is off already is gone over again."""
    now = runtime.clock()
    off = runtime.companies.set_active(company, False, actor=actor, now=now, reason=reason)
    paused = runtime.schedules.pause_all(PAUSED_FOR, now=now, company=off, actor=actor)
    cancelled = _cancel_all(runtime, off, actor)
    sending = CompanyErasing(runtime.database.engine).being_sent(off.id)
    return Deactivated(off, len(paused), cancelled, sending)


def reactivate(runtime: Runtime, company: Company, *, actor: str) -> Reactivated:
    """Take it up again; the schedules that were paused with it go on, and report the days in between as their
    catch-up says."""
    now = runtime.clock()
    on = runtime.companies.set_active(company, True, actor=actor, now=now, reason=None)
    resumed = runtime.schedules.resume_all(now=now, company=on, reason=PAUSED_FOR, actor=actor)
    return Reactivated(on, resumed)


def cancel_of_inactive(runtime: Runtime) -> int:
    """Cancel what waits although its company is switched off: what was being sent then, and failed."""
    ids = runtime.companies.waiting_of_inactive(limit=_AT_ONCE)
    store = CancelStore(runtime.database.engine)
    done = store.cancel(ids, now=runtime.clock(), actor="impact-in", why=PAUSED_FOR)
    return len(done.cancelled)


def export(
    runtime: Runtime, company: Company, path: Path, *, actor: str, tell: Tell = silent
) -> Exported:
    """Write everything that there is of it to the ZIP `path`, which only this program's user may read; rows
    of the database and of archives as lines of JSON. Secrets of accounts are not in it. `tell(done, total)`
    is called with the tables that are written.

    Raises `ExportUnwritable`, `ArchiveAway`.
    """
    return write_export(runtime, company, path, actor=actor, tell=tell)()


def write_export(
    runtime: Runtime, company: Company, path: Path, *, actor: str, tell: Tell = silent
) -> Callable[[], Exported]:
    """Write the ZIP for somebody who hasn't got it yet, as `export` does. It counts, for erasing, once what
    is returned was called: when its last byte was handed over."""
    archives, begun = _archives(runtime), runtime.clock()
    erasing = CompanyErasing(runtime.database.engine)
    try:
        written = erasing.export(
            company, path, archives.rows_of(company.id), actor=actor, now=begun, tell=tell
        )
    except OSError as error:
        raise ExportUnwritable(path, error.strerror or type(error).__name__) from error

    def handed_over() -> Exported:
        erasing.note_exported(company, written, begun=begun)
        return written

    return handed_over


def require_confirmed(company: Company, confirmed: str) -> None:
    """Raise `CompanyNotConfirmed` unless `confirmed` is the company's slug."""
    if confirmed != company.slug:
        raise CompanyNotConfirmed(company.slug)


def require_archive(runtime: Runtime) -> None:
    """Raise `ArchiveAway` where neither an export nor an erasure could begin: asked before anything is
    switched off for them."""
    _archives(runtime)


def erase(
    runtime: Runtime,
    company: Company,
    *,
    confirmed: str,
    actor: str,
    export_sha256: str | None = None,
    tell: Tell = silent,
) -> Erased:
    """Erase everything of it, from every table and archive; there is no way back. `confirmed` must be its
    slug, and an export of it must have been taken since it was switched off: the one with `export_sha256`, if
    that is given. `tell` is called with rows of tables and archives, about.

    Raises `CompanyNotConfirmed`, `CompanyStillActive`, `CompanyNotExported`, `CompanyBeingSent`,
    `ArchiveAway`.
    """
    require_confirmed(company, confirmed)
    archives = _archives(runtime)
    now, engine = runtime.clock(), runtime.database.engine
    stands = runtime.companies.life(company.id)
    if stands.deactivated_at is None:
        raise CompanyStillActive(company.slug)
    if stands.export_sha256 is None or export_sha256 not in (None, stands.export_sha256):
        raise CompanyNotExported(company.slug)
    erasing = CompanyErasing(engine)
    _cancel_all(runtime, company, actor)
    if sending := erasing.being_sent(company.id):
        raise CompanyBeingSent(company.slug, sending)
    _forget_tokens(runtime, company)
    words = Words([str(company.id), company.slug, company.name], INSTEAD)
    watched = tell is not silent
    steps = Steps(archives.rows() + erasing.rows_to_erase(company.id) if watched else 0, tell)
    done = erasing.erase(
        company,
        # Without an organisation id of its own it goes by its slug.
        organizations=[company.slug],
        archives=lambda: archives.without_company(company.id, words, steps),
        export_sha256=stands.export_sha256,
        actor=actor,
        now=now,
        steps=steps,
    )
    steps.end()
    return done


def _archives(runtime: Runtime) -> Archives:
    """Raises `ArchiveAway` where something was archived that this process doesn't reach: a pod without it
    would leave there what it calls erased."""
    folder, engine = runtime.settings.archive_folder, runtime.database.engine
    if (missing := missing_of_archive(engine, folder)) is not None:
        raise ArchiveAway(folder, missing)
    return Archives(folder)


def erase_participant(
    runtime: Runtime, company: Company, reference: str, *, actor: str, tell: Tell = silent
) -> Erased:
    """Erase a participant's or volunteer's reference wherever it stands; figures stay as they are, delivered
    or not, and rows of files that still have the person are rejected. `tell` is called with rows of tables
    and archives, about. Raises `ReferenceEmpty`."""
    if not reference.strip():
        raise ReferenceEmpty
    words = Words([reference.strip()], INSTEAD)
    archives = _archives(runtime)
    people = PeopleErasing(runtime.database.engine)
    steps = Steps(archives.rows() + people.rows_to_read() if tell is not silent else 0, tell)
    done = people.erase(
        company,
        reference.strip(),
        archives=lambda: archives.without_person(company.id, words, steps),
        actor=actor,
        now=runtime.clock(),
        steps=steps,
    )
    steps.end()
    return done


def _cancel_all(runtime: Runtime, company: Company, actor: str) -> int:
    store, cancelled = CancelStore(runtime.database.engine), 0
    while ids := runtime.companies.waiting(company.id, limit=_AT_ONCE):
        done = store.cancel(ids, now=runtime.clock(), actor=actor, why=PAUSED_FOR)
        cancelled += len(done.cancelled)
        if not done.cancelled and not done.failed_again:
            break  # the rest is in batches that are being sent
    return cancelled


def _forget_tokens(runtime: Runtime, company: Company) -> None:
    from impact_in_pipelines.connectors.identity.oauth import token_key

    for platform in Platform:
        found = runtime.connections.of_companies(platform, [company.id]).get(company.id)
        if found is not None and {"client_id", "client_secret"} <= set(found.credentials):
            runtime.oauth_tokens.drop(token_key(found))
