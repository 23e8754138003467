"""A collector that doesn't answer costs spans; it holds no run and no process."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from impact_in_pipelines.traces import spans
from impact_in_pipelines.traces.spans import DeliverySpans, provider_for

AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A collector that takes connections, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setattr(spans, "_WAIT_S", 0.1)
        yield


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_silent_collector_holds_no_run_and_no_process(
    silent: None, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """Whatever the SDK does with its time limits: a run's end, a second one's, and that of the process."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "120")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    provider = provider_for("otlp")
    made = DeliverySpans(provider)
    ended = threading.Event()

    def runs() -> None:
        for number in range(2):
            made.recorded({UUID(int=number): True}, (AT, AT))
            made.flush()
        provider.shutdown()
        ended.set()

    threading.Thread(target=runs, daemon=True).start()
    assert ended.wait(25)


@pytest.mark.parametrize(
    ("variable", "seconds"),
    [
        (None, 0.1),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", 7),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 7),
    ],
)
def test_one_request_waits_no_longer_either_unless_a_variable_says_so(
    silent: None, variable: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What isn't sent in time is given up, and the next batch is tried."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TIMEOUT", raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(seconds))
    exporter = spans._made("otlp")
    assert exporter._client._timeout == seconds  # type: ignore[attr-defined]
