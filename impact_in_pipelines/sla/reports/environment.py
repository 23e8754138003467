"""Jinja as every report that people take along has it."""

from jinja2 import Environment, PackageLoader

from impact_in_pipelines.plain_text import in_page
from impact_in_pipelines.sla.reports.said import ReportLanguage


def report_environment(package: str, reader: ReportLanguage) -> Environment:
    """Templates in the folder `templates` of `package`, escaped, in the reader's language."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        finalize=in_page,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        reader.text, reader.several, newstyle=True
    )
    return environment
