"""Words taken out of texts and JSON: a person's reference goes, and nothing that only looks like it."""

from typing import Any

import pytest

from impact_in_pipelines.db.erasing.words import Words


@pytest.mark.parametrize(
    ("reference", "before", "after"),
    [
        ("p-1", "p-1 of p-12 and 1.p-1", "[erased] of p-12 and 1.[erased]"),
        ("4711", "row of 4711, 47112", "row of [erased], 47112"),
        ("2026", "2026-03-09", "2026-03-09"),
        ("0100", "2026-03-09T09:30:00+0100", "2026-03-09T09:30:00+0100"),
        (
            "123456",
            '{"at": "2026-03-09T09:30:00.123456+00:00", "who": "123456"}',
            '{"at": "2026-03-09T09:30:00.123456+00:00", "who": "[erased]"}',
        ),
        ("30", "2026-03-09T09:30:00", "2026-03-09T09:30:00"),
        ("30", "since 09:30, 30 times", "since 09:30, 30 times"),
        ("2026-03-09", "on 2026-03-09", "on 2026-03-09"),
        ("30", {"participant_ref": "30", "hours": "30"}, None),
        ("30", {"volunteerRef": "30", "count": 30, "participants": ["30", 30]}, None),
    ],
)
def test_only_the_reference_goes(reference: str, before: Any, after: Any) -> None:
    """Instants stay whole; a short number is a reference where a key says so, and nowhere else."""
    if after is None:
        people = ("participant_ref", "volunteerRef")
        after = {key: "[erased]" if key in people else one for key, one in before.items()}
        if "participants" in after:
            after["participants"] = ["[erased]", 30]
    words = Words([reference], "[erased]")
    assert words.out_of(before) == after
    assert words.stand_in(before) == (before != after)


def test_json_that_says_nobody_stays_as_it_was_written() -> None:
    """Archives would be counted and written anew for a space."""
    text = '{"hours": 30, "of": "47112"}'
    assert Words(["4711"], "[erased]").out_of_json(text) == text
