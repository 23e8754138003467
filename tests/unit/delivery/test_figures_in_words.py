"""Figures as people read them: nobody is shown a dictionary."""

from impact_in_pipelines.delivery.showing.figures import changed_in_words, figures_in_words

_BEFORE = {
    "participants": 6,
    "volunteer_hours": 12.0,
    "activities": {"session": [12.0, 1], "course": [3.0, 2]},
    "outcomes": {"language": [6.5, 3]},
}
_AFTER = {
    "participants": 7,
    "volunteer_hours": 12.0,
    "activities": {"session": [13.5, 1], "course": [3.0, 2]},
    "outcomes": {"integration": [0.5, 1]},
}


def test_figures_are_named_and_groups_come_last() -> None:
    """Whatever order the log keeps them in."""
    assert figures_in_words(_BEFORE) == (
        "participants 6, volunteer hours 12.0, activities course 3.0 of 2; session 12.0 of 1, "
        "outcomes language 6.5 of 3"
    )


def test_only_what_differs_is_said_down_to_the_member_of_a_group() -> None:
    """It used to be `activities {'session': [12.0, 1]} → …`; what is gone or new has a dash."""
    assert changed_in_words(_BEFORE, _AFTER) == (
        "participants 6 → 7, activities session 12.0 of 1 → 13.5 of 1, "
        "outcomes integration – → 0.5 of 1, outcomes language 6.5 of 3 → –"
    )


def test_a_delivery_without_figures_differs_in_all() -> None:
    """One from before figures were kept."""
    assert changed_in_words({}, {"participants": 2}) == "participants – → 2"
    assert changed_in_words(_AFTER, _AFTER) == ""
