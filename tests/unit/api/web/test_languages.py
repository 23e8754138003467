"""Every language says everything, with the same values in it."""

import re
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from impact_in_pipelines.api.web.templating import environment
from impact_in_pipelines.wording.language.languages import CODES, DOMAIN, language, preferred

FOLDER = Path(str(files("impact_in_pipelines.api.web")))
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
TRANSLATED = [code for code in CODES if code != "en"]
_VALUE = re.compile(r"%\((\w+)\)s")


def _texts() -> set[str | tuple[str, ...]]:
    """Everything that the templates and the code have to say."""
    with (FOLDER / "locale" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    rooms = (
        "impact_in_pipelines.wording",
        "impact_in_pipelines.sla.reports",
        "impact_in_pipelines.analytics.written",
    )
    folders = (FOLDER, *(Path(str(files(room))) for room in rooms))
    return {
        message
        for folder in folders
        for _, _, message, _, _ in extract_from_dir(
            str(folder), methods, options, keywords=KEYWORDS
        )
    }


def _catalogue(code: str) -> Catalog:
    path = FOLDER / "locale" / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    return read_po(BytesIO(path.read_bytes()))


def _parts(text: object) -> list[str]:
    """A text's only form, or its plural forms."""
    return [str(one or "") for one in text] if isinstance(text, tuple) else [str(text or "")]


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    """A text that was added or changed must be translated before it can land; what nobody says any more
    goes."""
    known = {message.id: message for message in _catalogue(code) if message.id}
    assert set(known) == _texts()
    for message in known.values():
        assert all(_parts(message.string)), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_holds_the_values_of_its_original(code: str) -> None:
    """A missing value would be a missing number on the page, an extra one an error."""
    for message in _catalogue(code):
        if not message.id:
            continue
        originals = _parts(message.id)
        wanted = {name for one in originals for name in _VALUE.findall(one)}
        for part in _parts(message.string):
            assert set(_VALUE.findall(part)) == wanted, message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_plurals_have_the_languages_own_number_of_forms(code: str) -> None:
    """Ukrainian has three: 1 доставку, 2 доставки, 5 доставок."""
    catalogue = _catalogue(code)
    assert catalogue.num_plurals == {"nb": 2, "es": 2, "uk": 3}[code]
    for message in catalogue:
        if isinstance(message.string, tuple):
            assert len(message.string) == catalogue.num_plurals, message.id


def test_ukrainian_counts_as_ukrainians_do() -> None:
    """21 takes the form of 1, 22 that of 2, 11 that of 5."""
    found = language("uk")
    assert found is not None
    forms = [
        found.texts.ngettext("Replay %(shown)s delivery?", "Replay %(shown)s deliveries?", n)
        for n in (1, 21, 2, 22, 5, 11)
    ]
    assert forms[0] == forms[1] != forms[2] == forms[3] != forms[4] == forms[5]


def test_every_template_compiles_in_every_language() -> None:
    """A template that only one state shows would fail in front of a customer."""
    for code in CODES:
        found = language(code)
        assert found is not None
        for name in environment(found).list_templates(extensions=["html"]):
            environment(found).get_template(name)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "en"),
        ("", "en"),
        ("uk-UA,uk;q=0.9,en;q=0.5", "uk"),
        ("no,en;q=0.5", "nb"),
        ("nn-NO", "nb"),
        ("de,es;q=0.3,en;q=0.2", "es"),
        ("en;q=0.2,nb;q=0.9", "nb"),
        ("fr;q=x,*", "en"),
    ],
)
def test_a_browsers_wish_is_met_where_it_can_be(header: str | None, code: str) -> None:
    """The first of the wished languages that there is, else English."""
    assert preferred(header) == code


FOR_ENGINEERS = {
    "en": r"\b(fires?|fired|firing|crons?|leases?|leased|backfill\w*)\b",
    "nb": r"\b(cron|lease|backfill|avfyr|etterfyll)\w*",
    "es": r"\b(cron|crons|lease|backfill|dispar\w+|relleno)\b",
    "uk": r"(\bcron|\blease|\bbackfill|\bкрон\b|спрац|дозаповн)",
}
"""Words of the code, which an administrator has no use for: a schedule *sends*, is *due*, *arrives*."""


@pytest.mark.parametrize("code", CODES)
def test_no_text_speaks_of_fires_crons_leases_or_backfills(code: str) -> None:
    """An HR administrator reads these; names of values (`%(cron)s`) aren't read by anybody."""
    if code == "en":
        texts = [part for text in _texts() for part in _parts(text)]
    else:
        texts = [part for one in _catalogue(code) if one.id for part in _parts(one.string)]
    pattern = re.compile(FOR_ENGINEERS[code], re.IGNORECASE)
    found = [text for text in texts if pattern.search(_VALUE.sub("", text))]
    assert found == []
