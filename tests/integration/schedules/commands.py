"""`impact-in schedules` in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it left."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


def create(cli: Cli, *words: str) -> str:
    """The id of a new schedule."""
    said = cli("create", "acme", "benevity", *words, "--json")
    assert said.code == 0, said.err
    return str(said.data["id"])
