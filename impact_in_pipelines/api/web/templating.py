"""Jinja with a language's texts: one environment each, everything escaped, nothing undefined."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from impact_in_pipelines.api.web.icons import icon
from impact_in_pipelines.api.web.language import words
from impact_in_pipelines.api.web.statics import static_url
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.plain_text import in_page
from impact_in_pipelines.platforms import TITLES
from impact_in_pipelines.wording.language.languages import Language, languages


@cache
def environment(language: Language) -> Environment:
    """The environment of one language."""
    found = Environment(
        loader=PackageLoader("impact_in_pipelines.api.web"),
        autoescape=True,
        finalize=in_page,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.install_gettext_translations(  # type: ignore[attr-defined]
        language.texts, newstyle=True
    )
    found.globals |= {
        "icon": icon,
        "language": language,
        "languages": languages(),
        "platforms": TITLES,
        "sanitised": sanitised,
        "static": static_url,
        "words": words,
    }
    return found


def render(language: Language, template: str, values: dict[str, Any]) -> Markup:
    """A template's text in `language`."""
    return Markup(environment(language).get_template(template).render(values))  # noqa: S704
