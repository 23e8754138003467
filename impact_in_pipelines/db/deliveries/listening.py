"""Hearing of changes as they are committed: PostgreSQL's LISTEN on a connection of its own."""

import json
from collections.abc import Iterator
from selectors import EVENT_READ, DefaultSelector
from typing import Any

import psycopg2
import psycopg2.extensions
from sqlalchemy import URL, create_engine

from impact_in_pipelines.db.schema.triggers import CHANNEL

_WAIT_S = 0.5
_QUIET_S = 30.0

Notice = dict[str, Any]
"""`id`, `company_id`, `platform`, `status`, `attempt_count`, `updated_at` of one delivery, as text, and the
`position` (`db/deliveries/changes.py`) at which it was written."""


class ListenerLost(Exception):
    """The connection that listened has gone; what changed meanwhile wasn't heard."""


class DeliveryListener:
    """One connection outside the pool that listens for delivery changes. Close it."""

    def __init__(self, url: URL) -> None:
        """`url` must lead to the server itself: a pooler in transaction mode accepts LISTEN and passes
        nothing on. Raises `ListenerLost` if there is no connection to be had."""
        arguments, keywords = create_engine(url).dialect.create_connect_args(url)
        options = {**keywords, "connect_timeout": 10, "application_name": "impact-in-events"}
        try:
            self._connection = psycopg2.connect(*arguments, **options)
            self._connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
            with self._connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except psycopg2.Error as error:
            raise ListenerLost("no connection to listen on") from error

    def notices(self) -> Iterator[list[Notice]]:
        """What was heard, in batches, every half second at the latest; an empty one: nothing. Without end.

        Raises `ListenerLost`.
        """
        try:
            # Not `select.select`: it refuses descriptors above 1,023, which a busy API process has.
            with DefaultSelector() as selector:
                selector.register(self._connection, EVENT_READ)
                yield from self._heard(selector)
        except (psycopg2.Error, OSError, ValueError) as error:
            raise ListenerLost("the connection that listened has gone") from error

    def _heard(self, selector: DefaultSelector) -> Iterator[list[Notice]]:
        quiet_s = 0.0
        while True:
            if selector.select(_WAIT_S):
                self._connection.poll()
                quiet_s = 0.0
            else:
                quiet_s += _WAIT_S
            if quiet_s >= _QUIET_S:
                # A dead peer is noticed only by asking it something.
                with self._connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                quiet_s = 0.0
            heard = [json.loads(notice.payload) for notice in self._connection.notifies]
            self._connection.notifies.clear()
            yield heard

    def close(self) -> None:
        """Give the connection back to the server."""
        self._connection.close()
