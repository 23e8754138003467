"""Where a company is notified: a webhook of one's own, its secret replaced, its log."""

import sys
from typing import Any
from uuid import UUID

from impact_in_client import AuthenticatedClient
from impact_in_client.api.notices import (
    add_notice_channel,
    change_notice_channel,
    list_notice_messages,
    remove_notice_channel,
    rotate_notice_secret,
)
from impact_in_client.models import (
    MadeNoticeChannel,
    NewNoticeChannel,
    NoticeChannel,
    NoticeChannelBody,
    NoticeMessagePage,
)


def run(client: AuthenticatedClient, company: UUID) -> dict[str, Any]:
    """Add a webhook, choose what it is notified of, take its secrets, and remove it again."""
    new = NewNoticeChannel(
        name="Our intranet",
        medium="webhook",
        url="https://93.184.216.34/impact-in",
        kinds=["delivery.failed"],
    )
    made = add_notice_channel.sync(company, client=client, body=new)
    assert isinstance(made, MadeNoticeChannel), made
    channel = made.channel.id
    change = NoticeChannelBody(kinds=["delivery.failed", "delivery.delivered"])
    changed = change_notice_channel.sync(company, channel, client=client, body=change)
    assert isinstance(changed, NoticeChannel), changed
    rotated = rotate_notice_secret.sync(company, channel, client=client)
    assert isinstance(rotated, MadeNoticeChannel), rotated
    log = list_notice_messages.sync(company, channel, client=client)
    assert isinstance(log, NoticeMessagePage), log
    remove_notice_channel.sync(company, channel, client=client)
    return {
        "kinds": list(changed.kinds),
        # Both are shown this once: keep the newest where your receiver verifies signatures.
        "anotherSecret": made.secret != rotated.secret,
        "messages": len(log.data),
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} URL TOKEN COMPANY_ID")
    url, token, company_id = sys.argv[1:]
    print(run(AuthenticatedClient(base_url=url, token=token), UUID(company_id)))
