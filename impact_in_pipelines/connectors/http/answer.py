"""What came back over the wire, whole and bounded, before anybody judges it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `body` is decoded (gzip undone) and at most `MAX_ANSWER_BYTES` long;
    `truncated` says that there was more. Absent headers are None. `after_trouble`: an earlier try
    within the same call was answered with a server error, so that it may have been processed."""

    status: int
    body: bytes
    content_type: str | None = None
    retry_after: str | None = None
    date: str | None = None
    truncated: bool = False
    after_trouble: bool = False
