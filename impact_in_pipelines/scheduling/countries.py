"""Country codes: ISO 3166-1 alpha-2, as the time zone database that we have lists them."""

from functools import cache
from importlib.resources import files

from impact_in_pipelines.errors import UsageError


def parse_country(code: str) -> str:
    """`code` if ISO 3166-1 assigns it to a country.

    Raises:
        UsageError: one line that names it.
    """
    if code in _assigned():
        return code
    meant = "; the United Kingdom is GB" if code.upper() == "UK" else ""
    raise UsageError(
        f"country {code!r} isn't a country's ISO 3166 code of two capital letters, e.g. NO{meant}"
    )


@cache
def _assigned() -> frozenset[str]:
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line.partition("\t")[0] for line in lines if not line.startswith("#"))
