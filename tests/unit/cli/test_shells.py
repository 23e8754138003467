"""Completion as the shells themselves do it, with the script that `--show-completion` prints."""

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = f"""\
#!{sys.executable}
import sys
sys.path[:0] = {[one for one in sys.path if one]!r}
sys.argv[0] = "impact-in"
from impact_in_pipelines.cli.main import main
main()
"""
LINE, COMPLETED = "impact-in connections test acme be", "benevity"
_PATIENCE_S = 60


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `impact-in` first in PATH, and the scripts of the shells."""
    program = tmp_path / "impact-in"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def _script(folder: Path, shell: str) -> Path:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} isn't installed")
    asked = os.environ | {"_IMPACT_IN_COMPLETE": f"source_{shell}"}
    printed = subprocess.run(
        ["impact-in"], env=asked, capture_output=True, text=True, check=True
    ).stdout
    script = folder / f"completion.{shell}"
    script.write_text(printed)
    return script


def test_bash(scripts: Path) -> None:
    asked = (
        f"source {_script(scripts, 'bash')}; COMP_WORDS=({LINE}); COMP_CWORD=4; "
        '_impact_in_completion impact-in; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == ([COMPLETED], "")


def test_fish(scripts: Path) -> None:
    asked = f"source {_script(scripts, 'fish')}; complete -C '{LINE}'"
    done = subprocess.run(["fish", "-c", asked], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == ([COMPLETED], "")


def test_zsh(scripts: Path) -> None:
    """Which completes for whoever types, and for nobody else."""
    script = _script(scripts, "zsh")
    pid, terminal = pty.fork()
    if pid == 0:  # the shell
        os.environ["TERM"] = "dumb"
        os.execvp("zsh", ["zsh", "-f", "-i"])
    try:
        _type(terminal, f"autoload -U compinit; compinit -u -D; source {script}; echo re''ady\n")
        _await(terminal, "\nready")
        _type(terminal, f"{LINE}\t")
        _await(terminal, LINE.removesuffix("be") + COMPLETED)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def _type(terminal: int, text: str) -> None:
    os.write(terminal, text.encode())


def _await(terminal: int, wanted: str) -> None:
    said = b""
    while select.select([terminal], [], [], _PATIENCE_S)[0]:
        said += os.read(terminal, 4096)
        if wanted.encode() in said:
            return
    pytest.fail(f"{wanted!r} never came: {said!r}")
