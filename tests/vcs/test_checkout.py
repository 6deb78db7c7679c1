"""Working copies: private, never lost, never a way out (SW-4i, OD-7)."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from muster.domain.transcript import ChangeKind
from muster.vcs.changes import changes_between, diff_of
from muster.vcs.checkout import Checkout, bundle_script, open_checkout, publish, take_in
from muster.vcs.contents import contents_of
from muster.vcs.git import GitError, repository_of
from muster.vcs.rescue import forget_record, rescue, write_record
from muster.worker import workspace
from muster.worker.janitor import clear
from tests.vcs.conftest import AGENT, run_git


async def content_of(git_dir: Path, blob: str) -> bytes:
    return (await contents_of(git_dir, [blob]))[blob]


async def opened(
    repository: Path, folder: Path, task: str = "tsk_1", attempt: str = "att_1", base: str | None = None
) -> Checkout:
    folder.mkdir(parents=True, exist_ok=True)
    found = await repository_of(repository)
    assert found is not None
    return await open_checkout(
        found.main, folder, task=task, attempt=attempt, base=base, source=repository, identity=AGENT
    )


async def taken(checkout: Checkout, message: str = "leftovers") -> str:
    bundle = checkout.tree.parent / "agent.bundle"
    subprocess.run(list(bundle_script(checkout, bundle)), check=False, capture_output=True)
    return await take_in(checkout, bundle, message, AGENT)


async def test_the_agent_finds_the_base_on_a_branch_of_its_own(repository: Path, tmp_path: Path) -> None:
    """SW-4i"""
    checkout = await opened(repository, tmp_path / "a")
    assert (checkout.tree / "hello.py").read_text().startswith("def hello")
    assert run_git(checkout.tree, "status", "--porcelain") == ""
    assert run_git(checkout.tree, "branch", "--show-current") == "muster/tsk_1"
    assert run_git(checkout.tree, "log", "--format=%s") == "first"


async def test_commits_and_leftovers_come_out_as_the_tasks_branch(repository: Path, tmp_path: Path) -> None:
    """SW-4i: uncommitted work is never lost."""
    checkout = await opened(repository, tmp_path / "a")
    (checkout.tree / "hello.py").write_text("def hello():\n    return 'hello, fleet'\n")
    run_git(checkout.tree, "commit", "-qam", "the agent's own")
    (checkout.tree / "new.txt").write_text("not committed\n")
    commit = await taken(checkout)
    assert await publish(checkout, commit) == "muster/tsk_1"
    assert run_git(repository, "log", "--format=%s", "muster/tsk_1") == "leftovers\nthe agent's own\nfirst"
    assert run_git(repository, "show", "muster/tsk_1:new.txt") == "not committed"
    assert run_git(repository, "log", "-1", "--format=%an", "muster/tsk_1") == AGENT.name
    assert run_git(repository, "status", "--porcelain") == ""
    assert run_git(repository, "branch", "--show-current") == "main"


async def test_an_attempt_that_changed_nothing_ends_at_its_base(repository: Path, tmp_path: Path) -> None:
    checkout = await opened(repository, tmp_path / "a")
    assert await taken(checkout) == checkout.base_commit


async def test_changes_are_told_by_git(repository: Path, tmp_path: Path) -> None:
    """OD-7"""
    checkout = await opened(repository, tmp_path / "a")
    (checkout.tree / "hello.py").write_text("def hello():\n    return 'hi'\n")
    (checkout.tree / "README.md").rename(checkout.tree / "READ.md")
    (checkout.tree / "bin.dat").write_bytes(b"\0\1\2")
    (checkout.tree / "odd\nname -x").write_text("x\n")
    (checkout.tree / ".gitignore").unlink()
    commit = await taken(checkout)
    found = {
        c.path: c for c in await changes_between(checkout.git_dir, checkout.base_commit, commit, ["*.py"])
    }
    kinds = {path: change.change for path, change in found.items()}
    assert kinds == {
        "hello.py": ChangeKind.MODIFIED,
        "READ.md": ChangeKind.RENAMED,
        "bin.dat": ChangeKind.CREATED,
        "odd\nname -x": ChangeKind.CREATED,
        ".gitignore": ChangeKind.DELETED,
    }
    assert (found["hello.py"].additions, found["hello.py"].deletions) == (1, 1)
    assert (found["READ.md"].old_path, found["bin.dat"].binary) == ("README.md", True)
    assert [path for path, change in found.items() if not change.outside] == ["hello.py"]
    diff = await diff_of(checkout.git_dir, checkout.base_commit, commit, found["hello.py"])
    assert b"+    return 'hi'" in diff
    assert (await content_of(checkout.git_dir, found["hello.py"].before)).endswith(b"'hello'\n")


async def test_ignored_files_are_carried_over_when_the_repository_says_so(
    repository: Path, tmp_path: Path
) -> None:
    """SW-4i"""
    (repository / "local.env").write_text("A=1\n")
    (repository / "other.env").write_text("B=1\n")
    (repository / ".worktreeinclude").write_text("local.env\n")
    checkout = await opened(repository, tmp_path / "a")
    assert (checkout.tree / "local.env").read_text() == "A=1\n"
    assert not (checkout.tree / "other.env").exists()


async def test_files_that_were_carried_over_are_never_committed(repository: Path, tmp_path: Path) -> None:
    """SW-4i: they may be secrets, and not everybody ignores them."""
    (repository / "odd *[name]! .txt").write_text("A=1\n")
    (repository / "keys").mkdir()
    (repository / "keys" / "deep.pem").write_text("key\n")
    (repository / ".worktreeinclude").write_text("odd*\nkeys/\n")
    checkout = await opened(repository, tmp_path / "a")
    assert (checkout.tree / "keys" / "deep.pem").read_text() == "key\n"
    assert run_git(checkout.tree, "status", "--porcelain") == ""
    (checkout.tree / "work.txt").write_text("work\n")
    run_git(checkout.tree, "add", "-A")
    run_git(checkout.tree, "commit", "-qm", "the agent's own")
    (checkout.tree / "left.txt").write_text("left\n")
    commit = await taken(checkout)
    changes = await changes_between(checkout.git_dir, checkout.base_commit, commit)
    assert {change.path for change in changes} == {"work.txt", "left.txt"}


async def test_work_begins_at_what_is_checked_out_where_the_task_is(repository: Path, tmp_path: Path) -> None:
    """In a worktree of the user's that is its branch, not the main one's; from a subfolder as well."""
    other = tmp_path / "other"
    run_git(repository, "worktree", "add", "-q", "-b", "topic", str(other))
    (other / "sub").mkdir()
    (other / "sub" / "topic.txt").write_text("topic\n")
    run_git(other, "add", "-A")
    run_git(other, "commit", "-qm", "topic")
    found = await repository_of(other / "sub")
    assert found is not None
    assert (found.main, found.top) == (repository / ".git", other)
    (tmp_path / "a").mkdir()
    checkout = await open_checkout(
        found.main, tmp_path / "a", task="t", attempt="a", base=None, identity=AGENT, head=found.git_dir
    )
    assert checkout.target == "topic"
    assert (checkout.tree / "sub" / "topic.txt").exists()


async def test_a_bare_repository_and_one_that_borrows_are_worked_on_too(
    repository: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.git"
    run_git(tmp_path, "clone", "-q", "--bare", "--shared", str(repository), str(bare))
    found = await repository_of(bare)
    assert found is not None
    assert found.top is None
    (tmp_path / "a").mkdir()
    checkout = await open_checkout(
        found.main, tmp_path / "a", task="t", attempt="a", base="main", identity=AGENT
    )
    assert list(checkout.objects) == [bare / "objects", repository / ".git" / "objects"]
    assert run_git(checkout.tree, "status", "--porcelain") == ""
    (checkout.tree / "new.txt").write_text("x\n")
    assert await publish(checkout, await taken(checkout)) == "muster/t"
    assert run_git(bare, "show", "muster/t:new.txt") == "x"


async def test_a_repository_with_sha256_names_is_worked_on_too(tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "main", "--object-format=sha256")
    (folder / "a.txt").write_text("a\n")
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "first")
    checkout = await opened(folder, tmp_path / "a")
    (checkout.tree / "b.txt").write_text("b\n")
    assert await publish(checkout, await taken(checkout)) == "muster/tsk_1"
    assert run_git(folder, "show", "muster/tsk_1:b.txt") == "b"


async def test_an_unknown_base_is_named(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(GitError):
        await opened(repository, tmp_path / "a", base="nowhere")
    with pytest.raises(GitError, match="names no commit"):
        await opened(repository, tmp_path / "b", base="--all")


async def test_a_branch_that_somebody_has_checked_out_is_left_alone(repository: Path, tmp_path: Path) -> None:
    checkout = await opened(repository, tmp_path / "a")
    (checkout.tree / "new.txt").write_text("x\n")
    commit = await taken(checkout)
    run_git(repository, "checkout", "-q", "-b", "muster/tsk_1")
    kept = await publish(checkout, commit)
    assert kept == "refs/muster/attempts/att_1"
    assert run_git(repository, "rev-parse", kept) == commit
    assert not (repository / "new.txt").exists()


async def test_ten_attempts_publish_into_one_repository_at_once(repository: Path, tmp_path: Path) -> None:
    """SW-4i"""

    async def attempt(number: int) -> None:
        checkout = await opened(
            repository, tmp_path / f"w{number}", task=f"tsk_{number}", attempt=f"att_{number}"
        )
        (checkout.tree / f"file{number}.txt").write_text(f"{number}\n")
        await publish(checkout, await taken(checkout))

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(attempt(number))
    for number in range(10):
        assert run_git(repository, "show", f"muster/tsk_{number}:file{number}.txt") == str(number)


class TestHostileTrees:
    """Nothing in a tree that an agent wrote runs on the host or leads out of it."""

    async def test_configured_programs_do_not_run(self, repository: Path, tmp_path: Path) -> None:
        checkout = await opened(repository, tmp_path / "a")
        mark = tmp_path / "ran"
        config = checkout.tree / ".git" / "config"
        config.write_text(
            config.read_text() + f'[core]\n\tfsmonitor = "touch {mark}; true"\n\thooksPath = hooks\n'
            f'[filter "evil"]\n\tclean = "touch {mark}; cat"\n\tsmudge = "touch {mark}; cat"\n'
            f'[diff "evil"]\n\tcommand = "touch {mark}"\n\ttextconv = "touch {mark}"\n'
        )
        (checkout.tree / ".gitattributes").write_text("* filter=evil diff=evil\n")
        hooks = checkout.tree / "hooks"
        hooks.mkdir()
        for name in ("pre-commit", "post-commit", "reference-transaction", "post-checkout"):
            (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
            (hooks / name).chmod(0o755)
        commit = await take_in(checkout, tmp_path / "no-bundle", "left", AGENT)
        changes = await changes_between(checkout.git_dir, checkout.base_commit, commit)
        for change in changes:
            await diff_of(checkout.git_dir, checkout.base_commit, commit, change)
        await publish(checkout, commit)
        assert not mark.exists()
        assert ".gitattributes" in {change.path for change in changes}

    async def test_a_removed_or_broken_repository_loses_no_files(
        self, repository: Path, tmp_path: Path
    ) -> None:
        checkout = await opened(repository, tmp_path / "a")
        (checkout.tree / "work.txt").write_text("done\n")
        subprocess.run(["rm", "-rf", str(checkout.tree / ".git")], check=True)
        commit = await taken(checkout)
        assert {c.path for c in await changes_between(checkout.git_dir, checkout.base_commit, commit)} == {
            "work.txt"
        }

    async def test_a_bundle_that_is_none_is_not_believed(self, repository: Path, tmp_path: Path) -> None:
        checkout = await opened(repository, tmp_path / "a")
        bundle = tmp_path / "x.bundle"
        bundle.write_bytes(b"# v2 git bundle\nnonsense")
        assert await take_in(checkout, bundle, "left", AGENT) == checkout.base_commit
        link = tmp_path / "link.bundle"
        link.symlink_to("/etc/passwd")
        assert await take_in(checkout, link, "left", AGENT) == checkout.base_commit

    async def test_a_link_is_kept_as_a_link(self, repository: Path, tmp_path: Path) -> None:
        checkout = await opened(repository, tmp_path / "a")
        (checkout.tree / "shadow").symlink_to("/etc/hostname")
        commit = await taken(checkout)
        change = (await changes_between(checkout.git_dir, checkout.base_commit, commit))[0]
        assert await content_of(checkout.git_dir, change.after) == b"/etc/hostname"

    async def test_the_main_repository_is_not_written_from_the_tree(
        self, repository: Path, tmp_path: Path
    ) -> None:
        """Git never gives an escape: what the agent does in its repository stays there."""
        checkout = await opened(repository, tmp_path / "a")
        before = run_git(repository, "for-each-ref")
        config = (repository / ".git" / "config").read_text()
        run_git(checkout.tree, "checkout", "-q", "--orphan", "other")
        run_git(checkout.tree, "commit", "-qm", "orphan")
        run_git(checkout.tree, "config", "user.name", "mallory")
        run_git(checkout.tree, "tag", "v1")
        assert run_git(repository, "for-each-ref") == before
        assert (repository / ".git" / "config").read_text() == config


class TestRescue:
    """What a crash leaves in a working copy is kept (SW-4i)."""

    async def test_leftovers_of_a_dead_worker_become_the_tasks_branch(
        self, repository: Path, tmp_path: Path
    ) -> None:
        checkout = await opened(repository, tmp_path / "a")
        write_record(tmp_path / "a", checkout, AGENT)
        (checkout.tree / "half.txt").write_text("half done\n")
        assert await rescue(tmp_path / "a") == "muster/tsk_1"
        assert run_git(repository, "show", "muster/tsk_1:half.txt") == "half done"

    async def test_nothing_is_rescued_where_nothing_changed_or_nothing_is(
        self, repository: Path, tmp_path: Path
    ) -> None:
        checkout = await opened(repository, tmp_path / "a")
        write_record(tmp_path / "a", checkout, AGENT)
        assert await rescue(tmp_path / "a") is None
        forget_record(tmp_path / "a")
        assert await rescue(tmp_path / "a") is None
        (tmp_path / "a" / "checkout.json").write_text("{broken")
        assert await rescue(tmp_path / "a") is None

    async def test_work_that_cannot_be_kept_stays_where_it_is(self, repository: Path, tmp_path: Path) -> None:
        place = workspace.create(tmp_path, "att_0000000000001")
        checkout = await opened(repository, place.root / "x")
        write_record(place.root, checkout, AGENT)
        (checkout.tree / "half.txt").write_text("half done\n")
        subprocess.run(["rm", "-rf", str(repository)], check=True)
        await clear(place)
        assert (checkout.tree / "half.txt").exists()
