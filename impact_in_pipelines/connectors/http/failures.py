"""What the errors of requests and urllib3 mean: which kind, and whether anything can have
arrived."""

from http.client import HTTPException

from requests import exceptions as http
from urllib3 import exceptions as wire

from impact_in_pipelines.delivery.states import ErrorKind


class NoTlsConnection(wire.SSLError):
    """TLS was refused, by us or by the other side: nothing has been sent. What breaks later is no such
    error."""


class TlsBrokenOff(wire.HTTPError):
    """The connection ended while TLS was begun: nothing has been sent."""


WIRE_ERRORS = (http.RequestException, wire.HTTPError, HTTPException, OSError, ValueError)
"""What a call can raise; anything else is a defect of ours and must be seen. A header or URL that
can't be sent is a bare `ValueError`."""

_ON_THE_WAY = (http.RequestException, wire.HTTPError, HTTPException, OSError)
_UNUSABLE = (
    http.InvalidURL,
    http.MissingSchema,
    http.InvalidSchema,
    http.InvalidHeader,
    wire.LocationValueError,
)


def is_unusable(error: BaseException) -> bool:
    """Whether the address or a header can't be sent at all: a matter of configuration."""
    return isinstance(error, _UNUSABLE) or not isinstance(error, _ON_THE_WAY)


def plainly_did_not_arrive(error: BaseException) -> bool:
    """Whether no byte of the request can have reached anybody (refused, no such host, no connection
    in time, broken off while TLS was begun), so that repeating it can't send it twice, and may help: a
    certificate stays what it is."""
    if isinstance(error, http.SSLError | http.ProxyError):
        return False
    return isinstance(
        _root(error), wire.NewConnectionError | wire.ConnectTimeoutError | TlsBrokenOff
    )


def explain(error: BaseException) -> tuple[ErrorKind, str]:
    """The kind and one clause for a person. It quotes nothing of the error, which may hold
    secrets."""
    root = _root(error)
    if isinstance(error, NoTlsConnection):
        untrusted = "CERTIFICATE_VERIFY_FAILED" in repr(error)
        reason = ": its certificate isn't trusted" if untrusted else ""
        return ErrorKind.NETWORK, f"no TLS connection{reason}; nothing was sent"
    if isinstance(root, TlsBrokenOff):
        return ErrorKind.NETWORK, "the TLS connection was broken off; nothing was sent"
    if isinstance(root, wire.NameResolutionError):
        return ErrorKind.NETWORK, "the host name isn't known; check the base URL"
    if isinstance(root, wire.NewConnectionError):
        return ErrorKind.NETWORK, "the connection was refused; nothing was sent"
    if isinstance(root, wire.ConnectTimeoutError):
        return ErrorKind.TIMEOUT, "no connection within the connect time-out; nothing was sent"
    if isinstance(root, http.Timeout | wire.ReadTimeoutError | TimeoutError):
        return ErrorKind.TIMEOUT, "no whole answer within the read time-out; it may have arrived"
    if isinstance(root, wire.DecodeError):
        return ErrorKind.BAD_RESPONSE, "the answer's encoding doesn't hold; it may have arrived"
    return ErrorKind.NETWORK, "the connection broke before the whole answer; it may have arrived"


def _root(error: BaseException) -> BaseException:
    """The cause inside requests' and urllib3's wrappers, which keep it as `reason` or first
    argument."""
    found = error
    for _ in range(5):
        inner = getattr(found, "reason", None)
        if not isinstance(inner, BaseException) and isinstance(
            found, http.RequestException | wire.ProtocolError
        ):
            inner = next((part for part in found.args if isinstance(part, BaseException)), None)
        if not isinstance(inner, BaseException):
            break
        found = inner
    return found
