"""The name of a platform: a text of its own type, whose class iterates over what is installed."""

import re
from collections.abc import Iterator
from typing import Any

from impact_in_pipelines.platforms import plugins

NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
"""What a name may be: it becomes a part of names in Dagster, of URLs, of variables."""

_names: "dict[str, Platform]" = {}


class _Installed(type):
    """`for platform in Platform`: those whose connectors work, by name. `Platform.BENEVITY`: a registered
    one."""

    def __iter__(cls) -> "Iterator[Platform]":
        return iter(plugins.installed())

    def __len__(cls) -> int:
        return len(plugins.installed())

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, name: object) -> bool:
        return isinstance(name, str) and plugins.is_installed(name)

    def __getattr__(cls, attribute: str) -> "Platform":
        name = attribute.lower()
        if attribute == attribute.upper() and name in plugins.registered_names():
            return Platform(name)
        raise AttributeError(f"no connector is registered as {name!r}")


class Platform(str, metaclass=_Installed):
    """A CSR platform that receives impact data; one object a name.

    Any well-formed name is one: the log may hold deliveries to a platform whose connector isn't installed
    here any more, and they are shown. What people type must be `in Platform`.
    Raises `ValueError` for a text that can't be a name.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> "Platform":
        found = _names.get(name)
        if found is None:
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a platform")
            found = _names.setdefault(name, super().__new__(cls, name))
        return found

    @property
    def value(self) -> str:
        """The name as plain text."""
        return str(self)

    def __reduce__(self) -> tuple[type["Platform"], tuple[str]]:
        return Platform, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema  # settings and schemas have it anyway, plug-ins don't

        del source, handler
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
