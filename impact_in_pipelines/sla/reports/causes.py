"""Recommendations by the cause of what failed: the account, the data, the platform itself."""

from collections.abc import Iterator, Sequence

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.reports.report import FailureCause, Recommendation

_ITS_OWN_FAULT = ("server_error", "timeout", "network", "bad_response")
_MANY = 3
"""Companies hit by one platform's trouble, from which on it is the platform's rather than theirs."""


def by_cause(causes: Sequence[FailureCause], company: str | None) -> Iterator[Recommendation]:
    """What to do about each kind of error of each platform; `company` as in `recommend`."""
    for platform in Platform:
        of_platform = [cause for cause in causes if cause.platform is platform]
        for kind, rule in _CAUSES.items():
            some = [cause for cause in of_platform if cause.error_kind == kind]
            if some:
                yield _cause_advice(rule, platform, some, company)
        faults = [cause for cause in of_platform if cause.error_kind in _ITS_OWN_FAULT]
        if faults:
            yield _platform_advice(platform, faults, company)
        others = [
            cause
            for cause in of_platform
            if cause.error_kind not in _CAUSES and cause.error_kind not in _ITS_OWN_FAULT
        ]
        if others:
            yield _cause_advice(_ANY_OTHER, platform, others, company)


_CAUSES: dict[str, tuple[str, bool, str, str]] = {
    # error kind: rule, urgent, what was seen, what to do
    "authentication": (
        "renew_credential",
        True,
        "{title} refused the credential",
        "Renew the credential in {title}, store it in the connection, test the connection, then replay.",
    ),
    "configuration": (
        "complete_connection",
        True,
        "no usable connection to {title}",
        "Complete the connection (address, organisation, credentials) and enable it, then replay.",
    ),
    "data_quality": (
        "correct_data",
        False,
        "the figures for {title} did not pass the data checks",
        "Correct the source rows that the failed check names (asset company_impact, its checks), import "
        "them again, then replay.",
    ),
    "rejected": (
        "correct_data",
        False,
        "{title} rejected the content",
        "Read the platform's answer in an example delivery, correct the data or the organisation id, then "
        "replay.",
    ),
    "rate_limited": (
        "raise_or_spread",
        False,
        "{title} refused for its rate limit until no retry was left",
        "Spread the schedules over more minutes, or agree a higher limit with {title} and set it in the "
        "connection.",
    ),
}
_ANY_OTHER = (
    "find_cause",
    False,
    "through {title} for no known cause",
    "Read the attempts of an example delivery, mend what they name, then replay.",
)


def _cause_advice(
    rule: tuple[str, bool, str, str],
    platform: Platform,
    causes: Sequence[FailureCause],
    company: str | None,
) -> Recommendation:
    name, urgent, seen, action = rule
    worst = max(causes, key=lambda cause: cause.deliveries)
    words = {"title": FACTS[platform].title}
    count = sum(cause.deliveries for cause in causes)
    example = f" (“{worst.example}”)" if worst.example else ""
    return Recommendation(
        rule=name,
        urgent=urgent,
        seen=f"{in_deliveries(count)} failed: {seen.format(**words)}{example}, last on "
        f"{max(cause.last_at for cause in causes):%Y-%m-%d %H:%M} UTC.",
        where=_where(platform, worst, company),
        action=action.format(**words),
        platform=platform,
        company=company or worst.example_company,
        delivery_id=worst.example_delivery,
    )


def _platform_advice(
    platform: Platform, causes: Sequence[FailureCause], company: str | None
) -> Recommendation:
    title = FACTS[platform].title
    count = sum(cause.deliveries for cause in causes)
    worst = max(causes, key=lambda cause: cause.deliveries)
    hit = max(cause.companies for cause in causes)
    kinds = ", ".join(sorted({cause.error_kind.replace("_", " ") for cause in causes}))
    first, last = min(c.first_at for c in causes), max(c.last_at for c in causes)
    example = f" (“{worst.example}”)" if worst.example else ""
    return Recommendation(
        rule="call_platform",
        urgent=hit >= _MANY,
        seen=f"{in_deliveries(count)} failed through {title} itself ({kinds}){example}.",
        where=_where(platform, worst, company),
        action=f"Ask {title}'s support about {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC and give "
        "them an example; when it works again, replay.",
        platform=platform,
        company=company or worst.example_company,
        delivery_id=worst.example_delivery,
    )


def _where(platform: Platform, worst: FailureCause, company: str | None) -> str:
    title = FACTS[platform].title
    if company:
        return f"{title}, {company}"
    if worst.companies == 1 and worst.example_company:
        return f"{title}, {worst.example_company}"
    example = f", among them {worst.example_company}" if worst.example_company else ""
    return f"{title}, {worst.companies} companies{example}"


def in_deliveries(count: int) -> str:
    """`1 delivery`, `1,204 deliveries`."""
    return f"{count:,} {'delivery' if count == 1 else 'deliveries'}"
