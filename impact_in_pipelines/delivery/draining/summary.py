"""What a drain did."""

from collections import Counter
from dataclasses import dataclass, field

from impact_in_pipelines.delivery.states import AttemptOutcome


@dataclass(slots=True)
class DrainSummary:
    """What a drain did, counted in deliveries (`attempts` by outcome), and what was due and is left:
    `put_off` by it until an account's limit opens or answers come, `locked` by others when it ended."""

    planned: int = 0
    claimed: int = 0
    refused: int = 0
    skipped: int = 0
    released_twins: int = 0
    attempts: Counter[AttemptOutcome] = field(default_factory=Counter)
    retrying: int = 0
    held: int = 0
    failed: int = 0
    put_off: int = 0
    locked: int = 0

    @property
    def delivered(self) -> int:
        return self.attempts[AttemptOutcome.DELIVERED]
