"""Refusals about ids as people give them: whole, or a beginning."""

from uuid import UUID

from impact_in_pipelines.errors.base import UsageError, refusal


@refusal("id.malformed")
class IdMalformed(UsageError):
    """The text can't begin an id: 0-9 and a-f, and at least `shortest` of them."""

    text: str
    shortest: int


@refusal("id.ambiguous")
class IdAmbiguous(UsageError):
    """The text begins several ids; `ids` are some of them."""

    text: str
    ids: tuple[UUID, ...]
