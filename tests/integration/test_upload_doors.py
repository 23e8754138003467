"""Files of events at the API's door: who is let in, one at a time, and what viewers see of rejected rows."""

import socket
from collections.abc import AsyncIterator

import anyio
import pytest

from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.api.impact import receiving
from impact_in_pipelines.errors.impact import UploadsWaiting, UploadUnderWay
from impact_in_pipelines.impact.csv_dialect import HEADER as COLUMNS
from impact_in_pipelines.services.impact import uploads

from .api_harness import VIEWER, Served, uploaded

HEADER = ",".join(COLUMNS)
LATE = "e2,c-1,2026-03-09T10:00,session,p2,,2,,"


def test_a_file_that_has_no_place_is_refused_before_it_is_received(api: Served) -> None:
    """And while one of the company's is on its way, another one is: not a byte of either is waited for."""
    company = api.world.runtime.companies.find(str(api.own.company))

    context = build_context(api.world.another_runtime())

    async def never() -> AsyncIterator[bytes]:
        yield pytest.fail("the body is read")

    async def ask() -> None:
        await receiving.checked(
            context, company, never(), declared="", file_name="march.csv", actor="ingrid"
        )

    # Another process has one of the company's on its way; the company beside it is free to bring its own.
    elsewhere = build_context(api.world.another_runtime()).upload_turns
    assert elsewhere.take(company.id)
    assert not elsewhere.take(company.id)
    with pytest.raises(UploadUnderWay):
        anyio.run(ask)
    assert context.upload_turns.take(api.other.company)
    context.upload_turns.give_back(api.other.company)
    elsewhere.give_back(company.id)
    assert context.upload_turns.take(company.id)
    context.upload_turns.give_back(company.id)
    for _ in range(uploads.MOST_UNDECIDED - 1):  # it has one already
        uploaded(api.world, company)
    with pytest.raises(UploadsWaiting):
        anyio.run(ask)
    answer = api.call(
        "POST",
        f"/companies/{company.id}/uploads",
        data=HEADER.encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:impact-in:problem:upload-too-many",
    )


@pytest.mark.parametrize("address", ["data", "schedules"])
@pytest.mark.parametrize("cookie", ["", "Cookie: impact_in_session=nobody\r\n"])
def test_nothing_is_read_from_who_is_not_signed_in(api: Served, address: str, cookie: str) -> None:
    """The cockpit answers a form, with a file or not, of which only the head has come."""
    host, port = api.url.removeprefix("http://").split(":")
    head = (
        f"POST /en/cockpit/{api.own.company}/{address} HTTP/1.1\r\nHost: {host}:{port}\r\n{cookie}"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=30) as asking:
        asking.sendall(head.encode())
        answer = asking.recv(4_096).decode()
    assert answer.startswith("HTTP/1.1 303 ")
    assert "/en/cockpit/sign-in" in answer


def test_who_only_looks_sees_nobodys_reference_in_rejects(api: Served) -> None:
    """Neither in its column nor where a forgotten column moved it; the file to be mended isn't theirs."""
    shifted = "e5,c-1,2026-03-09T10:00:00Z,session,v9,1.5,anna.berg,,"
    short = "e6,c-1,anna.berg"
    company = api.own.company
    answer = api.call(
        "POST",
        f"/companies/{company}/uploads",
        data="\r\n".join([HEADER, LATE, shifted, short, ""]).encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 201, answer.text
    assert {"p2", "anna.berg"} <= {
        field for row in answer.json()["firstRejects"] for field in row["fields"]
    }
    address = f"/companies/{company}/uploads/{answer.json()['id']}"
    viewer = api.token(VIEWER)
    seen = api.call("GET", address, token=viewer)
    assert len(seen.json()["firstRejects"]) == 3
    for reference in ("p2", "v9", "anna.berg"):
        assert reference not in seen.text
    assert "occurred_at '***' has no offset" in seen.text
    assert api.call("GET", f"{address}/rejects", token=viewer).status_code == 403
    assert "anna.berg" in api.call("GET", f"{address}/rejects").text
