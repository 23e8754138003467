"""Where a sign-in may lead."""

import pytest

from impact_in_pipelines.api.web.sign_in.entry import inside


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/en/cockpit",
        "//evil.example/en/cockpit",
        "/\\evil.example/en/cockpit",
        "javascript:alert(1)/cockpit",
        "/v1/impact-in/deliveries",
        "/en/cockpit\nSet-Cookie: a=b",
        "",
    ],
)
def test_a_sign_in_leads_nowhere_outside(address: str) -> None:
    """An address in a link must not send whoever signs in to another site."""
    assert inside(address) == ""


def test_a_sign_in_leads_back_inside() -> None:
    """Pages of the cockpit are kept, filters and all."""
    assert inside("/nb/cockpit/1/deliveries?status=failed") == (
        "/nb/cockpit/1/deliveries?status=failed"
    )
