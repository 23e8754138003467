"""One trace a delivery, from the plan to the platform's answer, for OpenTelemetry (extra `[otel]`)."""
