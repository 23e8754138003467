"""The runtime for the length of one command: opened, closed, its database errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from impact_in_pipelines.cli.context import did_you_mean, open_runtime
from impact_in_pipelines.close_names import meant_by
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.errors.accounts import CompanyUnknown
from impact_in_pipelines.runtime import Runtime


@contextmanager
def session() -> Iterator[Runtime]:
    """The runtime on the configured database.

    Raises `InvalidSetting`, or `DatabaseUnavailable` also when the server goes away half-way.
    """
    runtime = open_runtime()
    try:
        with translated_errors(runtime.database.url), companies_meant(runtime):
            yield runtime
    finally:
        runtime.close()


@contextmanager
def companies_meant(runtime: Runtime) -> Iterator[None]:
    """An unknown company gets a note with one or two that may have been meant, by slug or name.

    Only here: whoever has a terminal reads all companies anyway, whoever asks over HTTP must not.
    """
    try:
        yield
    except CompanyUnknown as error:
        listed = runtime.companies.listed()
        slugs = {one.name.casefold(): one.slug for one in listed}
        slugs |= {one.slug: one.slug for one in listed}
        meant = meant_by(error.company, slugs, most=2, beginnings=True)
        near = dict.fromkeys(slugs[name] for name in meant)
        if near:
            question = did_you_mean(list(near))
            error.add_note(question[:1].lower() + question[1:])
        raise
