"""The connection that listens for delivery changes, in a process that has many descriptors open."""

import os
import resource
from collections.abc import Iterator
from itertools import islice

import pytest
from factories import World

from impact_in_pipelines.db.deliveries.listening import DeliveryListener
from impact_in_pipelines.platforms import Platform

_MANY = 1_100


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """More open descriptors than `select.select` can name (1,024)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(_MANY)]
    try:
        yield
    finally:
        for one in opened:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_changes_are_heard_above_a_thousand_descriptors(world: World) -> None:
    """An API process holds a descriptor for each reader: with `select` the listener failed above 1,023,
    and the hub connected anew for ever."""
    (company,) = world.due(Platform.BENEVITY, 1)
    listener = DeliveryListener(world.database.url)
    try:
        (made,) = world.deliveries(Platform.GOODERA, company)
        heard = next(batch for batch in islice(listener.notices(), 20) if batch)
    finally:
        listener.close()

    assert [notice["id"] for notice in heard] == [str(made)]
