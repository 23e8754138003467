"""`POST {base}/oauth2/token`: OAuth 2.0 client credentials (RFC 6749 section 4.4), form-encoded.

Refusals have the platforms' shape; their `error` is the RFC's error code, so both kinds of client
can read them.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

from impact_in_pipelines.sandbox.accounts.config import Platform, Service
from impact_in_pipelines.sandbox.exchange import Answer, Call, Exchange, RefusalError, json_answer
from impact_in_pipelines.sandbox.faults import Fault, FaultKind, Target
from impact_in_pipelines.sandbox.state import SandboxState

AUTH_INVALID = "AUTH_INVALID"
WORKDAY_SCOPE = "volunteer_management"
NO_STORE = ((b"cache-control", b"no-store"),)
Form = dict[str, str]


class TokenExchange(Exchange[Form]):
    """The token endpoint of one platform."""

    service: Platform
    target = Target.TOKEN

    def __init__(self, state: SandboxState, platform: Platform) -> None:
        super().__init__(state)
        self.service = platform

    def note_received(self, call: Call[Form]) -> None:
        """Count a token request, which is no delivery."""
        del call
        self.state.counts[self.service].token_requests += 1

    def parse(
        self, raw: bytes, headers: Mapping[bytes, bytes], path_params: Mapping[str, str]
    ) -> Call[Form]:
        try:
            form: Form | RefusalError = _read_form(raw, headers)
        except RefusalError as refused:
            form = refused
        client_id = "" if isinstance(form, RefusalError) else form.get("client_id", "")
        return Call(headers, path_params, (client_id,), form)

    def process(self, call: Call[Form]) -> Answer:
        try:
            self._check(call.content())
        except RefusalError as refused:
            self.state.counts[self.service].reject(refused.status, refused.code)
            return self.refusal(refused)
        lifetime_seconds = self.state.config.token_lifetime_seconds
        book = self.state.tokens[self.service]
        if self.state.config.one_token_per_client:
            book.revoke_of(call.content()["client_id"])
        token = book.issue(lifetime_seconds, call.content()["client_id"])
        self.state.counts[self.service].tokens_issued += 1
        body = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_seconds}
        return json_answer(200, body, NO_STORE)

    def _check(self, form: Form) -> None:
        if form.get("grant_type") != "client_credentials":
            raise RefusalError(400, AUTH_INVALID, "unsupported_grant_type")
        scope = form.get("scope")
        if self.service is Service.WORKDAY and scope != WORKDAY_SCOPE:
            raise RefusalError(400, AUTH_INVALID, "invalid_scope")
        expected = self.state.config.oauth_clients.get(form.get("client_id", ""))
        given = form.get("client_secret", "")
        if expected is None or not secrets.compare_digest(expected.encode(), given.encode()):
            raise RefusalError(401, AUTH_INVALID, "invalid_client")

    def refusal(self, refused: RefusalError) -> Answer:
        body = {"success": False, "error": refused.message, "errorCode": refused.code}
        return json_answer(refused.status, body, (*NO_STORE, *refused.headers))

    def injected(self, fault: Fault, call: Call[Form]) -> RefusalError:
        del call
        if fault.kind is FaultKind.RATE_LIMITED:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(429, "RATE_LIMIT", "Too many requests", retry_after)
        if fault.kind is FaultKind.UNAVAILABLE:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(503, "UNAVAILABLE", "temporarily_unavailable", retry_after)
        if fault.kind is FaultKind.SUCCESS_FALSE:
            return RefusalError(200, AUTH_INVALID, "temporarily_unavailable")
        if fault.kind is FaultKind.BAD_REQUEST:
            return RefusalError(400, AUTH_INVALID, "invalid_request")
        return RefusalError(401, AUTH_INVALID, "invalid_client")


def _read_form(raw: bytes, headers: Mapping[bytes, bytes]) -> Form:
    if not headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        raise RefusalError(400, AUTH_INVALID, "invalid_request")
    try:
        fields = parse_qs(raw.decode(), strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise RefusalError(400, AUTH_INVALID, "invalid_request") from None
    # RFC 6749 section 3.2: a parameter must not come twice.
    if any(len(values) > 1 for values in fields.values()):
        raise RefusalError(400, AUTH_INVALID, "invalid_request")
    return {name: values[0] for name, values in fields.items()}
