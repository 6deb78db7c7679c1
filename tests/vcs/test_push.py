"""Pushing: to a real bare repository, never over other people's commits, never by a program of the repository (SW-4i)."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.vcs.checkout import Checkout, open_checkout, publish, take_in
from muster.vcs.forge import PushRefused, RemoteMissing
from muster.vcs.git import repository_of
from muster.vcs.remote import Pushed, push, remote_of
from tests.vcs.conftest import AGENT, run_git

USER = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"}


@pytest.fixture
def bare(repository: Path, tmp_path: Path) -> Path:
    """Where `origin` of the repository leads."""
    place = tmp_path / "bare.git"
    run_git(tmp_path, "init", "-q", "--bare", "-b", "main", str(place))
    run_git(repository, "remote", "add", "origin", str(place))
    run_git(repository, "push", "-q", "origin", "main")
    return place


async def worked(repository: Path, folder: Path, attempt: str, text: str) -> tuple[Checkout, str]:
    """An attempt that wrote a file, kept."""
    folder.mkdir()
    found = await repository_of(repository)
    assert found is not None
    checkout = await open_checkout(
        found.main, folder, task="tsk_1", attempt=attempt, base=None, identity=AGENT
    )
    (checkout.tree / "work.txt").write_text(text)
    commit = await take_in(checkout, folder / "none", f"{attempt}: {text}", AGENT)
    await publish(checkout, commit)
    return checkout, commit


async def pushed(checkout: Checkout, commit: str) -> Pushed:
    return await push(checkout, await remote_of(checkout.main, "origin"), commit, USER)


async def test_work_is_pushed_as_the_tasks_branch(repository: Path, bare: Path, tmp_path: Path) -> None:
    checkout, commit = await worked(repository, tmp_path / "a", "att_1", "one\n")
    done = await pushed(checkout, commit)
    assert done.branch == "muster/tsk_1"
    assert set(done.heads) == {"main"}
    assert run_git(bare, "rev-parse", "muster/tsk_1") == commit
    assert run_git(bare, "show", "muster/tsk_1:work.txt") == "one"
    again = await pushed(checkout, commit)
    assert again.heads["muster/tsk_1"] == commit


async def test_a_later_attempt_takes_the_place_of_an_earlier_one(
    repository: Path, bare: Path, tmp_path: Path
) -> None:
    await pushed(*await worked(repository, tmp_path / "a", "att_1", "one\n"))
    checkout, commit = await worked(repository, tmp_path / "b", "att_2", "two\n")
    await pushed(checkout, commit)
    assert run_git(bare, "rev-parse", "muster/tsk_1") == commit


async def test_commits_of_a_person_on_the_branch_are_never_overwritten(
    repository: Path, bare: Path, tmp_path: Path
) -> None:
    await pushed(*await worked(repository, tmp_path / "a", "att_1", "one\n"))
    person = tmp_path / "person"
    run_git(tmp_path, "clone", "-q", "-b", "muster/tsk_1", str(bare), str(person))
    run_git(person, "commit", "-q", "--allow-empty", "-m", "a person's")
    run_git(person, "push", "-q")
    checkout, commit = await worked(repository, tmp_path / "b", "att_2", "two\n")
    with pytest.raises(PushRefused, match="not muster's") as caught:
        await pushed(checkout, commit)
    assert caught.value.code == "push_refused"
    assert run_git(bare, "log", "-1", "--format=%s", "muster/tsk_1") == "a person's"


async def test_a_remote_that_is_not_there_is_named(repository: Path, tmp_path: Path) -> None:
    checkout, commit = await worked(repository, tmp_path / "a", "att_1", "one\n")
    with pytest.raises(RemoteMissing, match="no remote 'origin'"):
        await remote_of(checkout.main, "origin")
    run_git(repository, "remote", "add", "origin", str(tmp_path / "nowhere.git"))
    with pytest.raises(PushRefused, match="nowhere"):
        await pushed(checkout, commit)


async def test_a_remote_that_would_run_a_program_is_refused(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    run_git(repository, "config", "remote.origin.url", f"ext::sh -c touch% {mark}")
    checkout, commit = await worked(repository, tmp_path / "a", "att_1", "one\n")
    with pytest.raises(RemoteMissing, match="does not push to"):
        await pushed(checkout, commit)
    assert not mark.exists()


async def test_nothing_that_the_repository_configures_runs(
    repository: Path, bare: Path, tmp_path: Path
) -> None:
    """An agent at work in place may have written the configuration and the hooks."""
    mark = tmp_path / "ran"
    script = repository / ".git" / "hooks" / "pre-push"
    for hook in (script, bare / "hooks" / "pre-receive", bare / "hooks" / "post-update"):
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    run_git(repository, "config", "core.sshCommand", f"touch {mark};")
    run_git(repository, "config", "credential.helper", f"!touch {mark}")
    run_git(repository, "config", "remote.origin.receivepack", f"touch {mark}; git-receive-pack")
    run_git(bare, "config", "core.alternateRefsCommand", f"touch {mark}")
    checkout, commit = await worked(repository, tmp_path / "a", "att_1", "one\n")
    await pushed(checkout, commit)
    assert run_git(bare, "rev-parse", "muster/tsk_1") == commit
    assert not mark.exists()


async def test_credentials_in_a_url_are_in_no_message(repository: Path, tmp_path: Path) -> None:
    run_git(repository, "remote", "add", "origin", "http://ann:s3cret@127.0.0.1:9/a/b.git")
    checkout, commit = await worked(repository, tmp_path / "a", "att_1", "one\n")
    with pytest.raises(PushRefused) as caught:
        await pushed(checkout, commit)
    assert "s3cret" not in caught.value.message
    assert "127.0.0.1:9/a/b.git" in caught.value.message
