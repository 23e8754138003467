"""Recommendations by the cause of what failed: the account, the data, the platform itself."""

from collections.abc import Iterator, Sequence

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.reports.report import FailureCause, Recommendation
from impact_in_pipelines.sla.reports.said import (
    N_,
    Worded,
    clause,
    counted,
    moment,
    ngettext,
    worded,
)

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


FAILED = ngettext("%(n)s delivery failed", "%(n)s deliveries failed")
_LAST = N_(", last on %(at)s UTC.")
_THROUGH = N_(" through %(title)s itself")
_ASK = N_(
    "Ask %(title)s's support about %(first)s to %(last)s UTC and give them an example; when it works again, "
    "replay."
)
_COMPANIES = ngettext("%(n)s company", "%(n)s companies")
_AMONG = N_(", among them %(company)s")

_CAUSES: dict[str, tuple[str, bool, str, str]] = {
    # error kind: rule, urgent, what was seen, what to do
    "authentication": (
        "renew_credential",
        True,
        N_("%(title)s refused the credential"),
        N_(
            "Renew the credential in %(title)s, store it in the connection, test the connection, then replay."
        ),
    ),
    "configuration": (
        "complete_connection",
        True,
        N_("no usable connection to %(title)s"),
        N_(
            "Complete the connection (address, organisation, credentials) and enable it, then replay."
        ),
    ),
    "data_quality": (
        "correct_data",
        False,
        N_("the figures for %(title)s did not pass the data checks"),
        N_(
            "Correct the source rows that the failed check names (asset company_impact, its checks), import "
            "them again, then replay."
        ),
    ),
    "rejected": (
        "correct_data",
        False,
        N_("%(title)s rejected the content"),
        N_(
            "Read the platform's answer in an example delivery, correct the data or the organisation id, "
            "then replay."
        ),
    ),
    "rate_limited": (
        "raise_or_spread",
        False,
        N_("%(title)s refused for its rate limit until no retry was left"),
        N_(
            "Spread the schedules over more minutes, or agree a higher limit with %(title)s and set it in "
            "the connection."
        ),
    ),
}
_ANY_OTHER = (
    "find_cause",
    False,
    N_("through %(title)s for no known cause"),
    N_("Read the attempts of an example delivery, mend what they name, then replay."),
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
        seen=worded(
            counted(FAILED, count),
            ": ",
            clause(seen, **words),
            example,
            clause(_LAST, at=moment(max(cause.last_at for cause in causes))),
        ),
        where=_where(platform, worst, company),
        action=worded(clause(action, **words)),
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
        seen=worded(
            counted(FAILED, count),
            clause(_THROUGH, title=title),
            f" ({kinds}){example}.",
        ),
        where=_where(platform, worst, company),
        action=worded(clause(_ASK, title=title, first=moment(first), last=moment(last))),
        platform=platform,
        company=company or worst.example_company,
        delivery_id=worst.example_delivery,
    )


def _where(platform: Platform, worst: FailureCause, company: str | None) -> Worded:
    title = FACTS[platform].title
    if company:
        return worded(f"{title}, {company}")
    if worst.companies == 1 and worst.example_company:
        return worded(f"{title}, {worst.example_company}")
    among = [clause(_AMONG, company=worst.example_company)] if worst.example_company else []
    return worded(f"{title}, ", counted(_COMPANIES, worst.companies), *among)
