"""A small client of the control interface for tests and the demo, on the standard library only."""

import http.client
import json
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from impact_in_pipelines.sandbox.accounts.config import Platform, SandboxConfig, Service
from impact_in_pipelines.sandbox.faults import FaultKind, FaultSpec, Target

TIMEOUT_SECONDS = 60


class SandboxControlError(Exception):
    """The sandbox refused a control request or can't be reached; the message is one line."""


class SandboxClient:
    """Steers the sandbox at `url`; every call is one request on a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"the sandbox's URL must be http://host:port, not {url!r}")
        self.url = url.rstrip("/")
        self._host = parts.hostname
        self._port = parts.port or 80

    def add_fault(
        self,
        platform: Service | str,
        kind: FaultKind | str,
        *,
        organization: str | None = None,
        target: Target | str = Target.DELIVERY,
        rate: float = 1.0,
        count: int | None = None,
        seed: int = 0,
        status: int = 503,
        delay_ms: int = 60_000,
        retry_after_seconds: int | None = 1,
        retry_after_format: Literal["seconds", "date"] = "seconds",
        after_processing: bool = False,
    ) -> int:
        """Switch a fault on (fields as in `FaultSpec`) and return its id.

        Raises pydantic.ValidationError for a fault that doesn't hold.
        """
        spec = FaultSpec(
            platform=Service(platform),
            kind=FaultKind(kind),
            organization=organization,
            target=Target(target),
            rate=rate,
            count=count,
            seed=seed,
            status=status,
            delay_ms=delay_ms,
            retry_after_seconds=retry_after_seconds,
            retry_after_format=retry_after_format,
            after_processing=after_processing,
        )
        answer = self._call("POST", "/faults", spec.model_dump(mode="json", by_alias=True))
        fault_id: int = answer["id"]
        return fault_id

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are on, each with how often it `fired`."""
        found: list[dict[str, Any]] = self._call("GET", "/faults")
        return found

    def remove_fault(self, fault_id: int) -> None:
        """Switch one fault off; raises `SandboxControlError` if there is none."""
        self._call("DELETE", f"/faults/{fault_id}")

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self._call("DELETE", "/faults")

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change parts of the configuration and return it whole, credentials left out.

        The names are `SandboxConfig`'s, such as `latency_ms=50` or `rate_limits_enabled=False`.
        """
        return self.configure_with(SandboxConfig.model_validate(changes))

    def configure_with(self, config: SandboxConfig) -> dict[str, Any]:
        """Apply the fields that were set in `config`; returns as `configure`."""
        # Credentials are excluded from every dump of the model, so that none is shown by accident.
        body = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for name in config.model_fields_set & {"benevity_keys", "goodera_keys"}:
            body[_camel(name)] = sorted(getattr(config, name))
        if "oauth_clients" in config.model_fields_set:
            body["oauthClients"] = config.oauth_clients
        answer: dict[str, Any] = self._call("POST", "/config", body)
        return answer

    def reset(self) -> None:
        """Forget faults, counts, keys, tokens and messages; back to the first configuration."""
        self._call("POST", "/reset")

    def expire_tokens(self) -> None:
        """Make every access token issued so far expired."""
        self._call("DELETE", "/tokens")

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return the totals per service (see `ledger.Counts`)."""
        answer: dict[str, dict[str, Any]] = self._call("GET", "/stats")
        return answer

    def accepted(self, platform: Platform | str) -> dict[str, Any]:
        """Return `accepted` by key, `refused`, `doubled` and `periods` of a platform."""
        answer: dict[str, Any] = self._call("GET", "/accepted", query={"platform": str(platform)})
        return answer

    def bodies(self, platform: Platform | str) -> list[dict[str, Any]]:
        """Return key and body of the last accepted requests, 200 at most."""
        answer: list[dict[str, Any]] = self._call(
            "GET", "/bodies", query={"platform": str(platform)}
        )
        return answer

    def messages(self, sink: Service | str) -> list[dict[str, Any]]:
        """Return what a sink accepted, oldest first, 10,000 at most."""
        answer: list[dict[str, Any]] = self._call("GET", "/messages", query={"sink": str(sink)})
        return answer

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        target = f"/_sandbox{path}" + (f"?{urlencode(query)}" if query else "")
        payload = None if body is None else json.dumps(body)
        try:
            connection.request(method, target, payload, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        except OSError as error:
            raise SandboxControlError(f"no sandbox answers at {self.url}: {error}") from error
        finally:
            connection.close()
        answer: Any = json.loads(text) if text else None
        if response.status >= 400:
            raise SandboxControlError(f"{method} {target}: {answer['error']}")
        return answer


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
