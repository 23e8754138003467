"""Which form of an answer is wanted (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence

from impact_in_pipelines.api.http.problems import ApiProblem

_LONGEST = 1_000


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The one of `offered` (the first is the default) that an Accept header likes best.

    Raises a 406 problem if it takes none of them.
    """
    if not accept or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept[:_LONGEST].split(",")]
    scored = [
        (max(_quality(form, ranges), 0.0), -place, form) for place, form in enumerate(offered)
    ]
    quality, _, form = max(scored)
    if quality <= 0:
        raise ApiProblem(406, f"this can be had as {', '.join(offered)}")
    return form


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                quality = 0.0
    return name.lower(), quality


def _quality(form: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality that the most specific range which fits gives to `form`."""
    kind = form.partition("/")[0]
    for wanted in (form, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0
