"""The real command line in this process, on a test's own database."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest
from cryptography.fernet import Fernet

from impact_in_pipelines.cli.main import main
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.settings import get_settings


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; fails if there is anything else."""
        return json.loads(self.out)


class Cli:
    """`impact-in`, as a terminal would start it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
        monkeypatch.setenv("IMPACT_IN_ALLOWED_HOSTS", "127.0.0.0/8")  # the sandbox
        monkeypatch.setenv("IMPACT_IN_SECRET_KEY", Fernet.generate_key().decode())

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> Ran:
        """Run `impact-in words…`; an exception that gets out fails the test, as a traceback would."""
        out, err = StringIO(), StringIO()
        with self._monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["impact-in", *words])
            patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode()), "utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with _fresh_settings(), pytest.raises(SystemExit) as left:
                main()
        code = left.value.code
        return Ran(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    def good(self, *words: str, stdin: str = "") -> Ran:
        """The same, where only exit code 0 will do."""
        ran = self(*words, stdin=stdin)
        assert ran.code == 0, ran.err
        return ran

    def refused(self, *words: str, stdin: str = "") -> Ran:
        """The same, where exactly one line of error, and no traceback, will do."""
        ran = self(*words, stdin=stdin)
        assert ran.code in (1, 2)
        assert ran.err.startswith("error: ")
        assert len(ran.err.splitlines()) == 1
        return ran


@contextmanager
def _fresh_settings() -> Iterator[None]:
    get_settings.cache_clear()
    try:
        yield
    finally:
        get_settings.cache_clear()
