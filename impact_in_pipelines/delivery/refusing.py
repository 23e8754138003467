"""Why a delivery can't be sent for its connection's sake, as the log keeps it: evidence, without commands.

The first sentence is that of the refusal `connection.missing`, which the doors word; a test compares them.
"""

from impact_in_pipelines.delivery.model import Refusal
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import FACTS, Platform


def no_connection(company_slug: str, platform: Platform) -> Refusal:
    """The company has no complete, enabled connection to the platform."""
    text = f"{company_slug} has no usable connection to {FACTS[platform].title}"
    return Refusal(ErrorKind.CONFIGURATION, text)


def unreadable_connection(company_slug: str, platform: Platform) -> Refusal:
    """The connection's credentials were encrypted with a key that this program doesn't have."""
    text = (
        f"the stored credentials of {company_slug} for {FACTS[platform].title} can't be decrypted with "
        "the present keys; add the key they were written with, or set them again"
    )
    return Refusal(ErrorKind.CONFIGURATION, text)


def meant_elsewhere(company_slug: str, platform: Platform) -> Refusal:
    """The base URL leads to another origin than the one that the credentials were entered for."""
    text = (
        f"the stored credentials of {company_slug} for {FACTS[platform].title} were entered for another "
        "address than the present base URL; enter them again"
    )
    return Refusal(ErrorKind.CONFIGURATION, text)
