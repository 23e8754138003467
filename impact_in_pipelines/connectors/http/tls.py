"""Whom we trust over TLS, and how: one context that all threads share."""

import ssl
from collections.abc import Iterable

from urllib3.util.ssl_ import ALPN_PROTOCOLS, create_urllib3_context


class SharedTlsContext(ssl.SSLContext):
    """Takes the list of protocols once. urllib3 sets the same one for each connection, and OpenSSL replaces
    its copy without a lock: what another thread was just sending became garbage."""

    _offered: tuple[str, ...] | None = None

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        offered = tuple(alpn_protocols)
        if offered != self._offered:
            super().set_alpn_protocols(offered)
            self._offered = offered


def shared_context(trusted: str) -> SharedTlsContext:
    """What urllib3 would make, complete before it is shared; `trusted`: the file of whom it trusts.

    All that urllib3 still sets for each connection is `verify_mode`, to the value that it has.
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    # urllib3 makes no other class, and a copy of its settings would miss those to come.
    context.__class__ = SharedTlsContext
    assert isinstance(context, SharedTlsContext)
    context.load_verify_locations(trusted)
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    return context
