"""Every refusal has a sentence, and the sentence says what the refusal is about."""

import importlib
import pkgutil
import re
from dataclasses import fields

import pytest

from impact_in_pipelines import errors
from impact_in_pipelines.cli.next_steps import NEXT, told
from impact_in_pipelines.errors import REFUSALS, ImpactInError, UsageError
from impact_in_pipelines.errors.accounts import CompanyUnknown, ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.wording import sentence
from impact_in_pipelines.wording.sentences import SENTENCES

for _module in pkgutil.iter_modules(errors.__path__, f"{errors.__name__}."):
    importlib.import_module(_module.name)

_VALUE = re.compile(r"%\((\w+)\)s")


def _parameters(error: type[ImpactInError]) -> set[str]:
    return {field.name for field in fields(error)}  # type: ignore[arg-type]


def test_every_refusal_has_a_sentence_and_no_sentence_is_left_over() -> None:
    """A refusal without words would reach a person as its code."""
    assert set(SENTENCES) == set(REFUSALS)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_sentence_names_parameters_that_its_refusal_has(code: str) -> None:
    """A name that the refusal lacks would be an error at the moment when something is refused."""
    for text in (SENTENCES[code], NEXT.get(code, "")):
        assert set(_VALUE.findall(text)) <= _parameters(REFUSALS[code]), text


def test_the_sentence_names_no_command_and_the_terminal_adds_it() -> None:
    """The cockpit's reader has no shell; the one at a terminal wants the next command."""
    error = ConnectionMissing("acme", Platform.WORKDAY)
    assert sentence(error) == "acme has no usable connection to Workday"
    assert "impact-in connections set acme workday" in told(error)
    assert not [text for text in SENTENCES.values() if "impact-in" in text or "--" in text]


def test_next_steps_belong_to_refusals_that_exist() -> None:
    """A step under a code that nobody raises is never read."""
    assert set(NEXT) <= set(REFUSALS)


def test_an_error_that_a_door_worded_stays_as_it_is() -> None:
    """Doors refuse their own input in their own words."""
    assert sentence(UsageError("give ids, or --all-failed")) == "give ids, or --all-failed"


def test_the_log_reads_the_code_and_the_parameters() -> None:
    """A traceback that nobody words must still say what it was about."""
    assert str(CompanyUnknown("acme")) == "company.unknown (company='acme')"


def test_sentences_are_translated_with_their_values_filled_in() -> None:
    """Values go in after the translation: a translated text has its own order."""
    error = CompanyUnknown("acme")
    assert sentence(error, lambda text: text.replace("no company", "немає")) == "немає 'acme'"
