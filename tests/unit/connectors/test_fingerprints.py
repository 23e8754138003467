"""The fingerprint of what was reported: equal exactly where a platform is told the same (D19)."""

from itertools import product
from typing import Any

import pytest

from connectors.helpers import NOW, connection, figures
from impact_in_pipelines.connectors.registry import mapping_for, reported
from impact_in_pipelines.impact.figures import ActivityFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform

_CHANGES: list[dict[str, Any]] = [
    {},
    {"participants": 40},
    {"volunteers": 11},
    {"volunteer_hours": 96.26},
    {"volunteer_hours": 96.2504},
    {"sessions": 7},
    {"events": 999},
    {"outcomes": ()},
    {"outcomes": (OutcomeFigures("language", 5.0, 3, 1.0, 9.0),)},
    {"outcomes": (OutcomeFigures("language", 5.0, 3, 2.0, 8.0),)},
    {"outcomes": (OutcomeFigures("language", 5.0001, 3, 1.0, 9.0),)},
    {"activities": (ActivityFigures("session", 3.0, 5, 2, 4),)},
    {"activities": (ActivityFigures("session", 3.0, 6, 2, 4),)},
    {"activities": (ActivityFigures("session", 3.0, 5, 1, 4),)},
]


@pytest.mark.parametrize("platform", list(Platform))
def test_two_fingerprints_are_equal_exactly_if_the_payloads_are(platform: Platform) -> None:
    """Neither a change that a platform is told of is missed, nor one that it isn't told of is found."""
    account = connection(platform)
    made = [figures(**change) for change in _CHANGES]
    payloads = [mapping_for(platform)(one, account, NOW) for one in made]
    prints = [reported(platform, one).fingerprint for one in made]
    for a, b in product(range(len(made)), repeat=2):
        assert (prints[a] == prints[b]) == (payloads[a] == payloads[b]), (_CHANGES[a], _CHANGES[b])


@pytest.mark.parametrize("platform", list(Platform))
def test_a_correction_says_so_and_its_fingerprint_does_not(platform: Platform) -> None:
    """The payload differs from every earlier one; what it reports is compared as ever."""
    account = connection(platform)
    bodies = [mapping_for(platform)(figures(), account, NOW, number) for number in range(3)]
    assert len({str(body) for body in bodies}) == 3
