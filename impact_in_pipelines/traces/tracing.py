"""Whether this process traces, and what with. Off, as by default, nothing of OpenTelemetry is imported.

On is where the standard variables name an exporter: OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT), or
OTEL_TRACES_EXPORTER.
"""

import logging
import os
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impact_in_pipelines.traces.spans import DeliverySpans

_log = logging.getLogger(__name__)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_KNOWN = ("otlp", "console")


@lru_cache(maxsize=1)
def traces() -> "DeliverySpans | None":
    """What this process reports spans to; None: it doesn't trace, or can't, which is logged once. Never
    raises: without spans everything is delivered all the same."""
    exporter = _exporter()
    if exporter is None:
        return None
    try:
        from impact_in_pipelines.traces.spans import DeliverySpans, provider_for

        return DeliverySpans(provider_for(exporter))
    except ImportError:
        _log.warning(
            "nothing is traced: OTEL_… names an exporter, and the extra [otel] isn't installed"
        )
    except Exception as error:  # a variable's value, of many that only the SDK knows
        said = " ".join(str(error).split()) or type(error).__name__
        _log.warning("nothing is traced: what the OTEL_… variables say doesn't work: %s", said)
    return None


def _exporter() -> str | None:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    named = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not named:
        return "otlp" if any(os.environ.get(name, "").strip() for name in _ENDPOINTS) else None
    if named == "none":
        return None
    if named not in _KNOWN:
        _log.warning("nothing is traced: OTEL_TRACES_EXPORTER must be otlp, console or none")
        return None
    return named
