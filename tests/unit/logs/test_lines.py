"""A line of the log says what happened and to what, and never a secret."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextvars import copy_context
from datetime import UTC, datetime
from uuid import UUID

import pytest

from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.logs.context import about, fields
from impact_in_pipelines.logs.lines import Lines
from impact_in_pipelines.logs.setting_up import LineHandler, PlainRecord, log_to_stderr
from impact_in_pipelines.settings import read_settings

SECRET = "s3cr3t/Planted+Value=="
ID = UUID("6f6d6b2e-0000-4000-8000-000000000001")
_log = logging.getLogger("impact_in_pipelines.tests")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    factory, root = logging.getLogRecordFactory(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("impact_in_pipelines", "impact_in")}
    kept = list(root.handlers)
    root.handlers = [one for one in kept if not isinstance(one, LineHandler)]
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    yield
    logging.setLogRecordFactory(factory)
    root.handlers = kept
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _line(message: str = "delivered", *args: object, as_json: bool = True, **values: object) -> str:
    record = PlainRecord(_log.name, logging.INFO, __file__, 1, message, args, None)
    record.__dict__.update(fields(**values))
    return Lines(json=as_json).format(record)


def _raised() -> logging.LogRecord:
    try:
        try:
            raise ValueError(f"first: {SECRET}")
        except ValueError as error:
            raise RuntimeError(f"then https://user:{SECRET}@example.org/x?key={SECRET}") from error
    except RuntimeError:
        return PlainRecord(_log.name, logging.ERROR, __file__, 1, "failed", (), sys.exc_info())


def test_json_has_a_name_for_everything() -> None:
    """Ids as text, instants as ISO 8601, the time in UTC; the whole is one line."""
    line = _line(delivery=ID, attempt=2, next_attempt_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert "\n" not in line
    said = json.loads(line)
    assert datetime.fromisoformat(said.pop("timestamp")).tzinfo is not None
    assert said == {
        "level": "info",
        "event": "delivered",
        "logger": "impact_in_pipelines.tests",
        "delivery": str(ID),
        "attempt": 2,
        "next_attempt_at": "2026-01-02T03:04:00+00:00",
    }


def test_people_get_one_line_without_escapes_where_there_are_no_colours() -> None:
    line = _line("delivered\nERROR forged\x1b[2J", company="acme\u202e\nx", as_json=False)
    assert "\n" not in line
    assert "\x1b" not in line
    assert "delivered ERROR forged" in line
    assert "company='acme x'" in line


def test_what_is_bound_is_on_every_line_also_in_threads_that_take_it_along() -> None:
    """And no longer than the block lasts; a line's own fields count more."""
    said: list[str] = []
    with about(company="acme", attempt=1), about(run="r1"):
        context = copy_context()
        thread = threading.Thread(target=lambda: said.append(context.run(_line, attempt=2)))
        thread.start()
        thread.join()
    found = json.loads(said[0])
    assert (found["company"], found["run"], found["attempt"]) == ("acme", "r1", 2)
    assert "company" not in json.loads(_line())


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
@pytest.mark.parametrize("known", ["environment", "account"])
def test_a_planted_secret_is_on_no_line(
    *, as_json: bool, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the message, what is filled in, a field, a name in a field, and an exception with its cause."""
    if known == "environment":
        monkeypatch.setenv("BENEVITY_API_KEY", SECRET)
    with about(secrets=[SECRET] if known == "account" else [], note=f"a {SECRET}"):
        lines = [
            _line(f"with {SECRET}", as_json=as_json),
            _line("with %s and %r", SECRET, {"k": SECRET}, as_json=as_json),
            _line("fields", as_json=as_json, text=SECRET, inside={"deep": [SECRET]}, many=[SECRET]),
            Lines(json=as_json).format(_raised()),
        ]
    for line in lines:
        assert "Planted" not in line
        assert "***" in line
    assert "RuntimeError" in lines[-1]
    assert "ValueError" in lines[-1]


KEY = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *(f"MIIEv{n}AIBADANBgkqhki{n}" for n in range(3)),
        "q3==",
        "-----END",
    ]
)


@pytest.mark.parametrize(
    "said",
    [
        f"the key {KEY} is refused",
        "indented:\n" + KEY.replace("\n", "\n    | "),
        f"only {KEY.splitlines()[2]} of it",
        repr(KEY),
    ],
    ids=["whole", "indented", "one line", "escaped"],
)
def test_a_secret_of_several_lines_is_in_no_traceback(said: str) -> None:
    """Each line was masked by itself, and none of them was the secret."""
    with about(secrets=[KEY]):
        try:
            raise ValueError(said)
        except ValueError:
            record = PlainRecord(_log.name, logging.ERROR, __file__, 1, said, (), sys.exc_info())
            lines = [Lines(json=True).format(record), _line("sent", text=said)]
    for line in lines:
        assert "MIIEv" not in line
        assert "***" in line


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_what_looks_like_a_secret_is_masked_unknown_as_it_is(*, as_json: bool) -> None:
    """Bearer tokens, credentials in URLs, and whatever a field's name says is secret."""
    line = _line(
        "sent with Authorization: Bearer abcdefghij0123456789 to https://u:pw123@h/x?y=zzz",
        as_json=as_json,
        api_key="whatever-it-is",
    )
    for secret in ("abcdefghij", "pw123", "zzz", "whatever"):
        assert secret not in line


def test_the_password_of_the_database_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter-two@db/impact")
    assert "hunter-two" not in _line("could not log in as me with hunter-two")


def test_arguments_that_do_not_fit_cost_neither_the_line_nor_a_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Python's logging would print them with a traceback."""
    LineHandler().handle(PlainRecord(_log.name, logging.INFO, "", 1, "one %d", (SECRET,), None))
    said = capsys.readouterr().err
    assert json.loads(said)["event"] == "one %d"
    assert "Planted" not in said


@pytest.mark.parametrize(
    ("environment", "otherwise", "shown"),
    [
        ({}, "warning", 1),
        ({}, "info", 2),
        ({"LOG_LEVEL": "ERROR"}, "info", 0),
        ({"LOG_LEVEL": "debug"}, "info", 3),
    ],
)
def test_a_process_says_what_its_level_lets_through(
    environment: dict[str, str],
    otherwise: str,
    shown: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """LOG_LEVEL counts more than what the process would say by itself; libraries say warnings."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    log_to_stderr(otherwise)  # type: ignore[arg-type]
    log_to_stderr(otherwise)  # type: ignore[arg-type]
    _log.debug("d")
    _log.info("i")
    _log.warning("w")
    logging.getLogger("urllib3").info("not this")
    assert len(capsys.readouterr().err.splitlines()) == shown


def test_a_form_can_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By itself it is JSON where nobody looks on."""
    monkeypatch.setenv("LOG_FORMAT", "Text")
    log_to_stderr("info")
    _log.info("delivered", extra=fields(company="acme"))
    line = capsys.readouterr().err
    assert "delivered" in line
    assert "company=acme" in line
    assert not line.startswith("{")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("LOG_LEVEL", "debug, info, warning, error or critical"),
        ("LOG_FORMAT", "auto, text or json"),
    ],
)
def test_a_value_that_does_not_hold_stops_the_program(name: str, wanted: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{name} must be {wanted}; it was 'loud'"):
        read_settings({name: "loud"})
