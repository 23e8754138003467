"""The cockpit's languages: texts by gettext, dates, numbers and plurals by locale (Babel, CLDR)."""

import gettext
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DEFAULT = "en"
DOMAIN = "cockpit"
_LOCALES = {"en": "en_GB", "nb": "nb_NO", "es": "es_ES", "uk": "uk_UA"}
_NAMES = {"en": "English", "nb": "Norsk bokmål", "es": "Español", "uk": "Українська"}


@dataclass(frozen=True)
class Language:
    """One language of the cockpit; `code` is what stands in the address."""

    code: str
    name: str
    locale: Locale
    texts: gettext.NullTranslations

    def text(self, message: str) -> str:
        """`message` in this language."""
        return self.texts.gettext(message)


CODES = tuple(_LOCALES)


@cache
def language(code: str) -> Language | None:
    """The language with this code, None if there is none."""
    if code not in _LOCALES:
        return None
    return Language(code, _NAMES[code], Locale.parse(_LOCALES[code]), _catalogue(code))


def languages() -> list[Language]:
    """All of them, English first."""
    return [found for code in CODES if (found := language(code))]


def preferred(accepted: str | None) -> str:
    """The code that an Accept-Language header asks for first, English if it asks for none of ours."""
    for wanted in _ranked(accepted or ""):
        code = {"no": "nb", "nn": "nb"}.get(wanted, wanted)
        if code in _LOCALES:
            return code
    return DEFAULT


def _ranked(accepted: str) -> Iterable[str]:
    """The primary tags of the header, the best first."""
    found: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        found.append((quality, tag.lower().split("-")[0]))
    return (tag for _, tag in sorted(found, key=lambda one: -one[0]))


def _catalogue(code: str) -> gettext.NullTranslations:
    """The texts of a language, compiled from its .po file: there is no compiled copy to go stale."""
    if code == DEFAULT:
        return gettext.NullTranslations()
    path = files("impact_in_pipelines.api.web").joinpath(
        "locale", code, "LC_MESSAGES", f"{DOMAIN}.po"
    )
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(path.read_bytes()), locale=_LOCALES[code]))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
