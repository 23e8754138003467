"""What a connector itself says of an answer to a batch."""

import pytest

from connectors.verdicts import BATCH, NOW, PERMANENT, RETRYABLE, SPLIT
from impact_in_pipelines.connectors.classify import classify_answer
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.plugins.answers import Judgement, again, refused
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.redaction.redactor import Redactor


@pytest.mark.parametrize(
    ("verdict", "status", "outcome"),
    [
        (refused(ErrorKind.REJECTED), 200, SPLIT),
        (refused(ErrorKind.REJECTED), 400, SPLIT),
        (refused(ErrorKind.REJECTED), 409, PERMANENT),
        (refused(ErrorKind.REJECTED), 422, PERMANENT),
        (refused(ErrorKind.REJECTED), 500, PERMANENT),
        (refused(ErrorKind.AUTHENTICATION), 400, PERMANENT),
        (refused(ErrorKind.BAD_RESPONSE), 200, PERMANENT),
        (again(ErrorKind.RATE_LIMITED), 400, RETRYABLE),
    ],
)
def test_a_batch_that_a_connector_refuses_is_split(
    verdict: Judgement, status: int, outcome: AttemptOutcome
) -> None:
    """A hundred records once failed for one; not where they may have arrived, or no record is to blame."""
    answer = Answer(status, b"{}")
    result = classify_answer(
        answer, BATCH, Redactor(), NOW, may_have_arrived=False, on_token=False, verdict=verdict
    )
    assert result.outcome is outcome
    kind = ErrorKind.BATCH_REFUSED if outcome is SPLIT else verdict.kind
    assert (result.error_kind, result.http_status) == (kind, status)
