"""How work says how far it is."""

from hearing import Heard

from impact_in_pipelines.progress import Steps


def test_each_of_few_steps_is_told() -> None:
    heard = Heard()
    assert list(Steps(3, heard).passing("abc")) == ["a", "b", "c"]
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_of_many_steps_some_hundred_are_told() -> None:
    """A terminal shows no more, and telling is dearer than most steps are."""
    heard = Heard()
    steps = Steps(1_000_000, heard)
    for _ in range(1_000_000):
        steps.step()
    assert heard.total == 1_000_000
    assert 100 < len(heard) < 300


def test_a_total_that_was_estimated_too_low_grows() -> None:
    heard = Heard()
    steps = Steps(2, heard)
    steps.step(5)
    assert heard[-1] == (5, 5)


def test_a_total_that_was_estimated_too_high_is_reached_at_the_end() -> None:
    heard = Heard()
    steps = Steps(100, heard)
    steps.up_to(40)
    steps.up_to(30)  # it never goes back
    assert heard[-1] == (40, 100)
    steps.end()
    assert heard.total == 100
