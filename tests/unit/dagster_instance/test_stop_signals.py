"""Who hears of SIGINT and SIGTERM while a drain runs."""

import os
import signal
import threading

import pytest

from impact_in_pipelines.dagster_instance.runs.stopping import Stop, in_force, stoppable


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_a_stop_and_interrupts_nothing(asked: signal.Signals) -> None:
    """In a run's main thread; before and after, the signals are whose they were."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with stoppable() as stop:
        asked_before = stop.requested
        os.kill(os.getpid(), asked)
    assert not asked_before
    assert stop.signal is asked
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_asking_again_changes_nothing() -> None:
    """An orchestrator may well signal twice; the first signal is the reason that is told."""
    with stoppable() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal is signal.SIGTERM


def test_the_stop_in_force_reaches_every_thread() -> None:
    """The command line has the signals and executes the run in another thread."""
    owned, found = Stop(), []

    def look() -> None:
        with stoppable() as stop:
            found.append(stop)

    with in_force(owned):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        look()
    assert found == [owned, owned]


def test_without_an_owner_another_thread_is_asked_by_nobody() -> None:
    """Signals can't be caught there: it must not fail for that."""
    found = []

    def look() -> None:
        with stoppable() as stop:
            found.append(stop.requested)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [False]
