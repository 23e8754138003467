"""Country codes: ISO 3166-1 alpha-2, as the time zone database that we have lists them."""

from functools import cache
from importlib.resources import files

from impact_in_pipelines.errors.accounts import CountryUnknown


def parse_country(code: str) -> str:
    """`code` if ISO 3166-1 assigns it to a country. Raises `CountryUnknown`."""
    if code in _assigned():
        return code
    # The code that people most often write instead: ISO has reserved it, not assigned it.
    raise CountryUnknown(code, "GB" if code.upper() == "UK" else "NO")


@cache
def _assigned() -> frozenset[str]:
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line.partition("\t")[0] for line in lines if not line.startswith("#"))
