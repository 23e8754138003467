"""Kinds of error that a delivery may fail with, and codes with which a request is refused."""

import re
from itertools import groupby

from impact_in_pipelines.delivery.states import MAY_HAVE_ARRIVED, TRANSITIONS, ErrorKind
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.base import REFUSALS
from impact_in_pipelines.platforms import RETRIED_KINDS
from impact_in_pipelines.wording.sentences import SENTENCES
from tools.site.reference.text import anchored, cell, code, document, table
from tools.site.staging import DOCS

_KINDS = (
    "Why a delivery failed or waits. `impact-in deliveries list` shows the kind; each leads to what to do about it. "
    "*May have arrived*: the next attempt goes out under the same idempotency key, so that the platform can recognise it."
)
_CODES = (
    "What was asked can't be done. The command line prints the sentence and the next step, the API answers with a problem "
    "whose `type` ends with the code, the cockpit says it in the reader's language. A code never changes its meaning. In "
    "sentences `%(name)s` stands for a parameter."
)


def error_kinds() -> str:
    runbook = (DOCS / "runbook.md").read_text()
    rows = [
        [
            f"[`{kind}`](../runbook.md#{kind})",
            "yes" if kind in RETRIED_KINDS else "no",
            "yes" if kind in MAY_HAVE_ARRIVED else "no",
            _first_sentence(runbook, kind),
        ]
        for kind in ErrorKind
    ]
    states = table(
        ["from", "to", "when"],
        [[code(one.old or "") or "new", code(one.new), cell(one.when)] for one in TRANSITIONS],
    )
    kinds = table(["kind", "tried again", "may have arrived", "means"], rows)
    said = "Every change of a delivery's status that there is ([the picture](../concepts.md#the-life-of-a-delivery))."
    return document("Error kinds", _KINDS, kinds, "## States", said, states)


def _first_sentence(runbook: str, kind: str) -> str:
    entry = runbook.partition(f"\n### {kind}\n")[2]
    said = re.search(r"\*\*Means\*\*: (.+?[.])(?:\s|$)", entry, re.DOTALL)
    assert said, f"docs/runbook.md doesn't say what {kind} means"
    return cell(said[1])


def refusals() -> str:
    subjects = []
    for subject, found in groupby(sorted(REFUSALS), key=lambda one: one.partition(".")[0]):
        rows = [
            [
                anchored(one),
                cell(SENTENCES[one]),
                ", ".join(code(name) for name in _parameters(REFUSALS[one])) or "none",
            ]
            for one in found
        ]
        subjects.append(
            f"## {subject.capitalize().replace('_', '-')}\n\n"
            + '<div class="stacked" markdown>\n\n'
            + table(["code", "sentence", "parameters"], rows)
            + "\n\n</div>"
        )
    return document("Refusal codes", _CODES, *subjects, wide=True)


def _parameters(refused: type[ImpactInError]) -> list[str]:
    return list(getattr(refused, "__dataclass_fields__", ()))
