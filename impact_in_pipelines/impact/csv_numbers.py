"""Numbers of an events file, as people and programs write them."""

import re
from decimal import ROUND_HALF_UP, Decimal

# An exponent of two digits is enough for anything that rounds to something else than 0.
_NUMBER = re.compile(
    r"[+-]?(?:\d{1,15}(?:[.,]\d{0,60})?|[.,]\d{1,60})(?:[eE][+-]?\d{1,3})?", re.ASCII
)
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)

HOURS_STEP = Decimal("0.01")
SCORE_STEP = Decimal("0.0001")


class NoNumber(ValueError):
    """The text is no number."""


class AmbiguousComma(ValueError):
    """The comma may stand before decimals or between thousands."""


def read_number(text: str, step: Decimal, *, decimal_comma: bool) -> Decimal:
    """The number in `text`, rounded to a multiple of `step`, halves away from zero as PostgreSQL's numeric
    does: 1.1400000000000001 is 1.14 in hundredths. A comma is a decimal sign; where `decimal_comma` doesn't
    say that it can be nothing else, `1,250` is refused.

    Raises `NoNumber` or `AmbiguousComma`.
    """
    if not _NUMBER.fullmatch(text):
        raise NoNumber(text)
    if not decimal_comma and _AMBIGUOUS.fullmatch(text):
        raise AmbiguousComma(text)
    exact = Decimal(text.replace(",", "."))
    if abs(exact) >= 10**15:
        return exact  # outside every range; rounding it would need more digits than there are
    rounded = exact.quantize(step, rounding=ROUND_HALF_UP)
    return rounded or abs(rounded)  # no minus before zero
