"""What the two maskers share: secrets are taken out before storing (`redaction.redactor`), personal
data before showing (`delivery.sanitising`)."""

from typing import Any

MASK = "***"


def hidden(value: Any) -> Any:
    """What is left of a value under a name that says it is a secret or somebody's: nothing, yes and no say
    nothing by themselves; anything else might."""
    return value if value is None or isinstance(value, bool) else MASK
