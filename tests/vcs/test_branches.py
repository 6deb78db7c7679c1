"""What attempts left in a repository: how it stands, what it takes, and that only it goes (SW-4i)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from muster.vcs.branches import TaskWork, drop_works, size_of, works_in
from muster.vcs.checkout import Checkout, open_checkout, publish, take_in
from muster.vcs.git import GitError, repository_of
from muster.vcs.standing import commit_kept, into_branch, standing_of, unkept_files
from tests.vcs.conftest import AGENT, run_git


async def opened(repository: Path, folder: Path, task: str, attempt: str) -> Checkout:
    folder.mkdir(parents=True)
    found = await repository_of(repository)
    assert found is not None
    return await open_checkout(found.main, folder, task=task, attempt=attempt, base=None, identity=AGENT)


async def worked(
    repository: Path, folder: Path, task: str, attempt: str, text: str, *, as_branch: bool = True
) -> str:
    """The commit of an attempt that wrote a file."""
    checkout = await opened(repository, folder, task, attempt)
    (checkout.tree / f"{task}.txt").write_text(text)
    commit = await take_in(checkout, folder / "none", f"{text}\n\nMuster-Task: {task}\n", AGENT)
    await publish(checkout, commit, as_branch=as_branch)
    return commit


def git_dir(repository: Path) -> Path:
    return repository / ".git"


async def test_a_branch_is_ahead_then_behind_then_merged(repository: Path, tmp_path: Path) -> None:
    commit = await worked(repository, tmp_path / "a", "tsk_1", "att_1", "one")
    main = git_dir(repository)
    assert await commit_kept(main, "tsk_1", None) == commit
    assert await commit_kept(main, "tsk_1", "att_1") == commit
    assert await commit_kept(main, "tsk_1", "att_2") is None
    found = await standing_of(main, commit, "main")
    assert (found.ahead, found.behind, found.merged) == (1, 0, False)
    run_git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    assert (await standing_of(main, commit, "main")).behind == 1
    run_git(repository, "merge", "-q", "--no-edit", "muster/tsk_1")
    found = await standing_of(main, commit, "main")
    assert (found.ahead, found.merged) == (0, True)


async def test_squashed_and_picked_work_counts_as_merged(repository: Path, tmp_path: Path) -> None:
    commit = await worked(repository, tmp_path / "a", "tsk_1", "att_1", "one")
    run_git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    run_git(repository, "merge", "-q", "--squash", "muster/tsk_1")
    run_git(repository, "commit", "-qm", "squashed")
    objects = run_git(repository, "count-objects", "-v")
    found = await standing_of(git_dir(repository), commit, "main")
    assert (found.ahead, found.merged) == (1, True)
    assert run_git(repository, "count-objects", "-v") == objects


async def test_looking_runs_nothing_that_the_repository_configures(repository: Path, tmp_path: Path) -> None:
    """An agent at work in place may have written its configuration."""
    mark = tmp_path / "ran"
    (repository / ".gitattributes").write_text("* merge=evil filter=evil\n")
    run_git(repository, "add", "-A")
    run_git(repository, "commit", "-qm", "attributes")
    commit = await worked(repository, tmp_path / "a", "tsk_1", "att_1", "one")
    (repository / "tsk_1.txt").write_text("theirs")
    run_git(repository, "add", "-A")
    run_git(repository, "commit", "-qm", "conflicting")
    run_git(repository, "config", "merge.evil.driver", f"touch {mark}")
    run_git(repository, "config", "filter.evil.clean", f"touch {mark}; cat")
    run_git(repository, "config", "core.fsmonitor", f"touch {mark}")
    assert (await standing_of(git_dir(repository), commit, "main")).merged is False
    await works_in(git_dir(repository), "main")
    assert not mark.exists()


async def test_the_branch_to_compare_with_is_the_one_the_work_began_at(repository: Path) -> None:
    main = git_dir(repository)
    run_git(repository, "branch", "next")
    assert await into_branch(main, "next") == "next"
    assert await into_branch(main, "gone") == "main"
    run_git(repository, "checkout", "-q", "--detach")
    assert await into_branch(main, None) is None
    assert (await standing_of(main, run_git(repository, "rev-parse", "HEAD"), None)).merged is None


async def test_files_that_are_not_kept_yet_are_counted(repository: Path, tmp_path: Path) -> None:
    checkout = await opened(repository, tmp_path / "a", "tsk_1", "att_1")
    assert await unkept_files(checkout) == 0
    (checkout.tree / "hello.py").write_text("changed\n")
    (checkout.tree / "README.md").unlink()
    (checkout.tree / "new.txt").write_text("new\n")
    (checkout.tree / "ignored.env").write_text("x\n")
    assert await unkept_files(checkout) == 3


async def test_work_is_listed_by_task_with_what_it_takes(repository: Path, tmp_path: Path) -> None:
    first = await worked(repository, tmp_path / "a", "tsk_1", "att_1", "one")
    second = await worked(repository, tmp_path / "b", "tsk_1", "att_2", "two")
    loose = await worked(repository, tmp_path / "c", "tsk_2", "att_3", "x" * 9_000, as_branch=False)
    run_git(repository, "merge", "-q", "--no-edit", "muster/tsk_1")
    found = {work.task: work for work in await works_in(git_dir(repository), "main")}
    assert found["tsk_1"].branch == "muster/tsk_1"
    assert set(found["tsk_1"].refs.values()) == {first, second}
    assert found["tsk_1"].standing.merged is True
    assert (found["tsk_2"].branch, found["tsk_2"].commit) == (None, loose)
    assert found["tsk_2"].size > 0
    assert await size_of(git_dir(repository), []) == 0


async def test_only_what_is_named_goes_and_git_frees_its_space(repository: Path, tmp_path: Path) -> None:
    await worked(repository, tmp_path / "a", "tsk_1", "att_1", "one")
    kept = await worked(repository, tmp_path / "b", "tsk_2", "att_2", "two")
    works = {work.task: work for work in await works_in(git_dir(repository), "main")}
    assert await drop_works(git_dir(repository), [works["tsk_1"]]) == 2
    assert (
        run_git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads") == "main\nmuster/tsk_2"
    )
    run_git(repository, "gc", "-q", "--prune=now")
    gone = works["tsk_1"].commit
    assert subprocess.run(["git", "cat-file", "-e", gone], cwd=repository, check=False).returncode != 0
    assert run_git(repository, "cat-file", "-t", kept) == "commit"


async def test_a_branch_that_moved_meanwhile_stays_and_so_does_all_else(
    repository: Path, tmp_path: Path
) -> None:
    await worked(repository, tmp_path / "a", "tsk_1", "att_1", "one")
    works: list[TaskWork] = await works_in(git_dir(repository), "main")
    run_git(repository, "update-ref", "refs/heads/muster/tsk_1", "main")
    with pytest.raises(GitError):
        await drop_works(git_dir(repository), works)
    assert run_git(repository, "for-each-ref", "--format=%(refname)", "refs/muster") != ""
