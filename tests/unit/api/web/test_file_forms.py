"""A form with a file in it, as browsers send it, in pieces of any size."""

import anyio
import pytest
from starlette.requests import Request
from starlette.types import Message

from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.api.web.file_forms import file_form

EDGE = "----WebKitFormBoundaryx1"


def body(content: bytes, *, token: str = "abc", name: str = "märz.csv") -> bytes:
    """What Chromium sends: a hidden field, then the file."""
    head = (
        f'--{EDGE}\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{token}\r\n'
        f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{EDGE}--\r\n".encode()


def parts(number: int, *, name: str) -> bytes:
    """So many empty fields before the file."""
    one = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n\r\n'
    return one.encode() * number + body(b"x")


def read(
    sent: bytes, size: int, content_type: str = f"multipart/form-data; boundary={EDGE}"
) -> tuple[list[tuple[str, str]], str, bytes]:
    """The fields, the file's name and its content, from a body that comes `size` bytes at a time."""
    chunks = [sent[at : at + size] for at in range(0, len(sent), size)]

    async def receive() -> Message:
        piece = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": piece, "more_body": bool(chunks)}

    async def reading() -> tuple[list[tuple[str, str]], str, bytes]:
        headers = [(b"content-type", content_type.encode())]
        request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
        fields, file = await file_form(request)
        return list(fields), file.name, b"".join([piece async for piece in file.pieces])

    return anyio.run(reading)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_fields_come_first_and_the_file_as_it_is(size: int) -> None:
    """Line ends, what looks like an edge, and letters of any language."""
    content = b"event_id,company\r\n--almost\r\n\r\n-- \xff\x00," * 20
    assert read(body(content), size) == ([("form_token", "abc")], "märz.csv", content)


def test_a_form_without_a_file_has_an_empty_one() -> None:
    """It is refused later, as a file without a header."""
    sent = f'--{EDGE}\r\nContent-Disposition: form-data; name="form_token"\r\n\r\nabc\r\n--{EDGE}--\r\n'
    assert read(sent.encode(), 1000) == ([("form_token", "abc")], "", b"")


@pytest.mark.parametrize(
    ("sent", "content_type"),
    [
        (b"anything", f"multipart/form-data; boundary={EDGE}"),
        (body(b"x"), "multipart/form-data"),
        (b"", f"multipart/form-data; boundary={EDGE}"),
        (body(b"x", token="a" * 70_000), f"multipart/form-data; boundary={EDGE}"),
        (parts(1_000, name="a"), f"multipart/form-data; boundary={EDGE}"),
        (parts(19, name="a" * 4_000), f"multipart/form-data; boundary={EDGE}"),
    ],
)
def test_what_is_no_such_form_is_refused(sent: bytes, content_type: str) -> None:
    """Also one whose fields never end, or are many, or have long names and no content."""
    with pytest.raises(ApiProblem) as refused:
        read(sent, 1000, content_type)
    assert refused.value.status_code == 400


@pytest.mark.parametrize("size", [7, 1_000, 300_000])
def test_a_large_file_may_come_with_the_fields(size: int) -> None:
    """What stands before it is counted, and nothing of itself."""
    content = b"0123456789" * 20_000
    assert read(body(content), size)[2] == content


@pytest.mark.parametrize("missing", [1, 2, 3, 10, len(EDGE) + 8, len(EDGE) + 9])
def test_a_form_that_breaks_off_is_no_whole_file(missing: int) -> None:
    """A file's first half would be imported; only what stands behind the last edge may be missing."""
    sent = body(b"a,b\r\n1,2\r\n")
    assert read(sent[:-2], 1_000)[2] == b"a,b\r\n1,2\r\n"
    with pytest.raises(ApiProblem) as refused:
        read(sent[: -2 - missing], 1_000)
    assert refused.value.status_code == 400
