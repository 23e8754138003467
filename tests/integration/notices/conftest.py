"""A world whose companies are notified: a receiver of webhooks, a mailbox, and ticks by hand."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from factories import World, world_on
from receivers import Mailbox, Receiver, mail_server, receiving
from sqlalchemy import RowMapping

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.delivery.notifying.model import CHOSEN, Medium
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.notices.channels import MadeChannel, NewChannel, add_channel
from impact_in_pipelines.services.notices.sending import (
    SentNotices,
    send_notices,
    write_notices,
)


@dataclass
class NoticeWorld:
    """A world, and those who are notified."""

    world: World
    receiver: Receiver
    mailbox: Mailbox

    def company(self, id_: UUID) -> Company:
        """The company with this id."""
        return self.world.runtime.companies.find(str(id_))

    def channel(
        self, company: UUID, medium: Medium = Medium.WEBHOOK, *, path: str = "/hook", **fields: Any
    ) -> MadeChannel:
        """A channel of `company`'s for everything, made before what the test does next."""
        where: dict[str, Any] = (
            {"to": ["kari@example.org"]}
            if medium is Medium.EMAIL
            else {"url": self.receiver.url + path}
        )
        new = NewChannel(
            **{"name": f"our {medium.value}", "medium": medium, "kinds": CHOSEN, **where, **fields}
        )
        made = add_channel(
            self.world.runtime, self.company(company), new, actor="kari", by_operator=True
        )
        # The first tick says from where on the log is read.
        write_notices(self.world.runtime)
        return made

    def tick(self, after: timedelta = timedelta()) -> SentNotices:
        """What the sensor does, so much later."""
        self.world.clock.now += after
        assert write_notices(self.world.runtime) is not None
        return send_notices(self.world.runtime)

    def ended(self, delivery: UUID, status: str = "success", **columns: Any) -> None:
        """A delivery ends now."""
        values = {
            "status": status,
            "attempt_count": 1,
            "delivered_at": self.world.clock() if status == "success" else None,
            "failed_at": self.world.clock() if status == "failed" else None,
            **columns,
        }
        self.world.execute(
            "UPDATE impact_deliveries SET next_attempt_at = NULL, updated_at = :now, "
            + ", ".join(f"{name} = :{name}" for name in values)
            + " WHERE id = :id",
            id=delivery,
            now=self.world.clock(),
            **values,
        )

    def messages(self) -> list[RowMapping]:
        """The outbox, in order."""
        return self.world.rows("SELECT * FROM notice_messages ORDER BY seq")


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[NoticeWorld]:
    """A clean database, with an SMTP server and a receiver."""
    with ExitStack() as stack:
        mailbox = stack.enter_context(mail_server())
        receiver = stack.enter_context(receiving())
        world = stack.enter_context(
            world_on(
                database.url,
                sandbox,
                SMTP_HOST="127.0.0.1",
                SMTP_PORT=str(mailbox.port),
                SMTP_SECURITY="none",
                SMTP_FROM="notices@impact.example",
                NOTICE_TIMEOUT_MS="2000",
            )
        )
        yield NoticeWorld(world, receiver, mailbox)
