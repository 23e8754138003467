"""Looking less often for garbage."""

import gc
from contextlib import suppress

from impact_in_pipelines.loading import collecting_seldom


def test_the_collector_is_asked_as_usual_again_afterwards() -> None:
    """A process that has drained, or failed at it, goes on as before."""
    usual = gc.get_threshold()
    with suppress(RuntimeError), collecting_seldom():
        assert gc.get_threshold()[0] > usual[0]
        raise RuntimeError
    assert gc.get_threshold() == usual
    assert gc.isenabled()
