"""Which breaches get an incident: one for one cause."""

from uuid import UUID

from impact_in_pipelines.alerting.causes import worth_an_incident
from impact_in_pipelines.sla.model import Breach, BreachType

from .helpers import NOON, Book, breach


def wide(**changes: object) -> Breach:
    """Goodera as a whole."""
    return breach(**{"company_id": None, "company": None, **changes})


def test_one_companys_breach_is_not_told_again_as_the_platforms() -> None:
    """The platform's rate is low because the company's is."""
    assert worth_an_incident([breach(), wide()], []) == [breach()]


def test_a_breach_of_several_companies_is_the_platforms_too() -> None:
    """Then it is worth knowing that it isn't one account."""
    second = breach(company_id=UUID(int=2), company="north")

    assert worth_an_incident([breach(), second, wide()], []) == [breach(), second, wide()]


def test_a_platforms_breach_that_no_company_explains_is_told() -> None:
    """Many companies a little each."""
    assert worth_an_incident([wide()], []) == [wide()]
    assert worth_an_incident([breach(type=BreachType.LATENCY), wide()], [])[-1] == wide()


def test_a_platforms_open_incident_goes_on() -> None:
    """It must not look recovered because all companies but one have."""
    book = Book()
    book.look([wide()], NOON)

    assert worth_an_incident([breach(), wide()], book.open) == [breach(), wide()]


def test_what_concerns_all_platforms_has_no_incident() -> None:
    """An incident is a company's on a platform, or a platform's."""
    assert worth_an_incident([breach(platform=None), wide(platform=None)], []) == []
