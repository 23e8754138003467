"""A little of `make chaos` in every `make test`: a few kinds of faults, for some seconds."""

from pathlib import Path

import pytest
from chaos.running import Site, judge, line, made, run
from sqlalchemy import URL

KINDS = frozenset(
    {"storm", "clocks", "kill", "settle_cut", "answer_lost", "told_to_wait", "tokens"}
)
SECONDS = 8


@pytest.mark.timeout(400)
def test_a_short_trial_loses_nothing_and_doubles_nothing(
    postgres_url: URL, template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three homes whose clocks are hours apart, workers killed, connections cut in the middle of a settle and
    between COMMIT and its answer, long waits asked for and tokens taken back: every planned delivery arrives
    once, or is skipped because its content had."""
    site = Site(postgres_url, template, tmp_path / "chaos")
    with made(site, seed="short", kinds=KINDS, fires=2) as trial:
        result = run(trial, SECONDS, every_kind=True)
        with capsys.disabled():
            print(f"\n{line(trial, result)}")
        judge(result, trial)
    assert trial.struck.keys() >= KINDS
    assert result.statuses["success"] > 20
