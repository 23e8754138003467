"""How an operation says that it will go: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to why.

The policy stands in docs/api.md. A route is marked beside its roles:

    dependencies=[VIEW, deprecated(since=datetime(2027, 1, 1, tzinfo=UTC), sunset=…, why=…)]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from fastapi import Depends, params


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since when (aware) an operation shouldn't be used, when it goes (UTC; at least six months later), and
    the page that says what to use instead."""

    since: datetime
    sunset: datetime
    why: str

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every answer."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.sunset, usegmt=True),
            "Link": f'<{self.why}>; rel="deprecation"; type="text/html"',
        }

    async def __call__(self) -> None:
        # As a dependency this only marks the route.
        return None


def deprecated(*, since: datetime, sunset: datetime, why: str) -> Any:
    """Mark a route."""
    return Depends(Deprecation(since, sunset, why))


def deprecation_of(dependencies: Iterable[params.Depends]) -> Deprecation | None:
    """What a route's dependencies say, None: it stays."""
    return next(
        (one.dependency for one in dependencies if isinstance(one.dependency, Deprecation)), None
    )
