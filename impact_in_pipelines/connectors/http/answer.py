"""What came back over the wire, whole and bounded, before anybody judges it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `body` is decoded (gzip undone) and at most `MAX_ANSWER_BYTES` long;
    `truncated` says that there was more. Absent headers are None."""

    status: int
    body: bytes
    content_type: str | None = None
    retry_after: str | None = None
    date: str | None = None
    truncated: bool = False
