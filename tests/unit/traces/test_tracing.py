"""What the standard variables say about whether anything is traced."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from impact_in_pipelines.delivery.showing import tracing as showing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.traces import tracing
from impact_in_pipelines.traces.tracing import traces


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    traces.cache_clear()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    yield
    traces.cache_clear()


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        (
            {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
            False,
        ),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, False),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
    ],
)
def test_it_is_on_where_an_exporter_is_named(
    environment: dict[str, str], on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = traces()
    assert (made is not None) is on


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"),
    ],
)
def test_a_variable_that_does_not_hold_costs_spans_and_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It raised at each drain of each platform, and nothing was sent."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    assert traces() is None
    assert traces() is None
    (line,) = [one.getMessage() for one in caplog.records if one.name == tracing.__name__]
    assert "OTEL_" in line
    assert "must be" in line
    assert "\n" not in line


def test_a_fault_in_tracing_costs_spans_and_no_delivery(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each function says so once; what is raised while something is recorded is still raised."""

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("out of spans")

    monkeypatch.setattr(showing, "traces", Broken)
    monkeypatch.setattr(showing, "_logged", set())
    prepared: Any = SimpleNamespace(claimed=SimpleNamespace(id=UUID(int=1)), attempt_id=UUID(int=2))
    took = (datetime.now(UTC), datetime.now(UTC))
    for _ in range(2):
        assert showing.traceparent_of(prepared) is None
        showing.trace_plan(Platform.BENEVITY, took)
        showing.trace_taken(Platform.BENEVITY, [prepared], took, took)
        showing.trace_settled([prepared], took)
        showing.flush_traces()
        with showing.traced_record({UUID(int=1): True}, lambda: datetime.now(UTC)):
            pass
    lines = [one.getMessage() for one in caplog.records if one.name == showing.__name__]
    assert len(lines) == len(set(lines)) == 6
    with (
        pytest.raises(KeyError),
        showing.traced_record({UUID(int=1): True}, lambda: datetime.now(UTC)),
    ):
        raise KeyError
