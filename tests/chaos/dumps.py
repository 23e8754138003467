"""The database as it was at a moment, and back to it: what a nightly dump and a bad day come to."""

from pathlib import Path

import dumps
from factories import World, execute_on_server
from sqlalchemy import URL

from impact_in_pipelines.platforms import Platform


class Dumps:
    """Of the database of `world`, on the server at `server`, in a file. `accepted_before`: what each platform
    had accepted whenever the database was put back, by keys."""

    def __init__(self, server: URL, world: World, file: Path) -> None:
        self._server = server
        self._world = world
        self._file = file
        self.accepted_before: list[dict[Platform, set[str]]] = []

    def dump(self) -> None:
        """Dump it while everybody works on it."""
        dumps.dump(self._world.database.url, self._file)

    def restore(self) -> None:
        """Put it back; what has been written since is gone."""
        client = self._world.sandbox.client
        self.accepted_before.append(
            {
                platform: {line["key"] for line in client.accepted(platform.value)["accepted"]}
                for platform in Platform
            }
        )
        self._world.database.engine.dispose()
        name = self._world.database.url.database
        execute_on_server(self._server, f'DROP DATABASE "{name}" WITH (FORCE)')
        execute_on_server(self._server, f'CREATE DATABASE "{name}"')
        dumps.restore(self._world.database.url, self._file)
