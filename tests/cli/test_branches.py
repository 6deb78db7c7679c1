"""`muster branches` without a server: it lists, is careful, and says what it takes (SW-4i)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from muster.cli.branches import size_in_words
from muster.cli.exits import ExitCode
from tests.cli.conftest import Muster


def git(folder: Path, *args: str) -> str:
    words = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *args]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With one merged branch of an agent's and one that is not; no server runs."""
    monkeypatch.setenv("MUSTER_PORT", "9")
    folder = home / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "branch", "muster/tsk_merged")
    git(folder, "checkout", "-q", "-b", "muster/tsk_open")
    (folder / "work.txt").write_text("work\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "open work")
    git(folder, "checkout", "-q", "main")
    return folder


def test_nothing_is_changed_unless_asked_for(muster: Muster, repository: Path) -> None:
    ended = muster("branches", "-C", str(repository), "--json")
    assert ended.code == ExitCode.OK
    rows = {row["branch"]: row for row in ended.json["branches"]}
    assert (rows["muster/tsk_merged"]["goes"], rows["muster/tsk_open"]["goes"]) == (True, False)
    assert rows["muster/tsk_open"]["verdict"] == "no server says how its task stands"
    assert rows["muster/tsk_open"]["size_bytes"] > 0
    assert ended.json["dry_run"] is True
    assert len(git(repository, "branch", "--list", "muster/*").split()) == 2


def test_what_may_go_goes_with_reclaim(muster: Muster, repository: Path, home: Path) -> None:
    half = home / ".local" / "share" / "muster"
    ended = muster("branches", "-C", str(repository), "--reclaim", "--abandoned", "--older-than", "0")
    assert ended.code == ExitCode.OK, ended.err
    assert "1 of 2 branches were removed" in ended.err
    assert git(repository, "branch", "--list", "muster/*").split() == ["muster/tsk_open"]
    assert not (half / "attempts").exists()


def test_kept_checkouts_and_their_size_are_reported_and_go(
    muster: Muster, repository: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_DATA_DIR", str(home / "data"))
    half = home / "data" / "worker" / "bases" / "making-999999999-x"
    half.mkdir(parents=True)
    (half / "file").write_bytes(b"x" * 100_000)
    told = muster("branches", "-C", str(repository), "--json").json
    assert [folder["kind"] for folder in told["folders"]] == ["checkout"]
    assert told["freed"]["folder_bytes"] >= 100_000
    assert half.is_dir()
    assert muster("branches", "-C", str(repository), "--reclaim").code == ExitCode.OK
    assert not half.exists()


def test_a_folder_without_a_repository_and_an_unknown_branch_are_told(
    muster: Muster, repository: Path, home: Path
) -> None:
    ended = muster("branches", "-C", str(home))
    assert ended.code == ExitCode.NOT_FOUND
    assert "--repository" in ended.err
    ended = muster("branches", "-C", str(repository), "--into", "nowhere")
    assert (ended.code, "nowhere" in ended.err) == (ExitCode.NOT_FOUND, True)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (300 * 1024**2, "300 MiB"), (5 * 1024**4, "5120 GiB")],
)
def test_sizes_are_in_units_that_fit(size: int, words: str) -> None:
    assert size_in_words(size) == words
