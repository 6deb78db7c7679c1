"""Running the command line in this process, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muster.cli.main import main
from tests.cli.live import LiveServer
from tests.repositories import begin_repository


@dataclass(frozen=True)
class Ended:
    """How a run of `muster` ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Muster = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, which is also the home."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return folder


@pytest.fixture
def muster(home: Path, capsys: pytest.CaptureFixture[str]) -> Muster:
    """Runs `muster` with these arguments."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        captured = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A real server in the background, for the tests of one module."""
    live = LiveServer(tmp_path_factory.mktemp("live"))
    (live.folder / "scripts").mkdir()
    started = live.muster("start", "--json")
    assert started.returncode == 0, started.stderr
    try:
        yield live
    finally:
        if live.muster("stop", "--timeout", "20").returncode != 0:
            live.muster("stop", "--kill")


@pytest.fixture
def live(muster: Muster, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Muster:
    """`muster` in this process, talking to the server."""
    for name, value in live_server.environ.items():
        monkeypatch.setenv(name, value)
    return muster


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    return begin_repository(tmp_path / "repo")
