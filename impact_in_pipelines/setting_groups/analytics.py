"""The settings of analytics: what calls of platforms cost."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from impact_in_pipelines.platforms import Platform

_PRICE = re.compile(r"([a-z][a-z0-9_]{0,29})=(\d{1,6}(?:\.\d{1,4})?)")
CallPrices = dict[Platform, float]
"""Of 1,000 calls."""


def call_prices(value: Any) -> Any:
    """`benevity=0.50; workday=2`, each at most once; empty: nobody has said what calls cost."""
    if not isinstance(value, str):
        return value
    found = []
    for one in filter(None, (part.strip() for part in value.split(";"))):
        match = _PRICE.fullmatch(one)
        if match is None or match[1] not in Platform:
            raise ValueError("holds something else")
        found.append((Platform(match[1]), float(match[2])))
    if len(dict(found)) < len(found):
        raise ValueError("says something twice")
    return dict(found)


class AnalyticsSettings(BaseModel):
    """Part of `settings.Settings`: what analytics reckons with."""

    api_call_prices: Annotated[CallPrices, BeforeValidator(call_prices)] = Field(
        {},
        description="what platforms charge for 1,000 calls, such as benevity=0.50; workday=2; "
        "empty: analytics count calls without a price",
    )
    api_call_currency: str = Field(
        "EUR", pattern=r"^[A-Z]{3}$", description="the currency of API_CALL_PRICES, such as EUR"
    )
