"""Merging a task's work over the API: bound to what was seen, told in the log (SW-4i)."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from muster.api.app import App
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire_runs import RunRequest
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit

Finish = Callable[..., Awaitable[tuple[str, str]]]


def git(folder: Path, *args: str) -> str:
    named = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    done = subprocess.run(["git", *named, *args], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def finish(api: Api, app: App, store: Store, repository: Path) -> Finish:
    """Makes a task whose attempt left a commit with one file changed; the task and the commit."""
    worker = Client(InProcessTransport(app))

    async def make(text: str = "two\n", verb: str = "complete", **more: Any) -> tuple[str, str]:
        task = await submit(store, "Say two", spec={"working_dir": str(repository)})
        (claimed,) = await claim(api)
        tree = repository.parent / task
        git(repository, "worktree", "add", "-q", "-b", f"muster/{task}", str(tree), "main")
        (tree / "a.txt").write_text(text)
        git(tree, "commit", "-qam", "work")
        commit = git(tree, "rev-parse", "HEAD")
        git(repository, "worktree", "remove", "--force", str(tree))
        git(repository, "update-ref", f"refs/muster/attempts/{claimed['attempt_id']}", commit)
        request = RunRequest(
            token=claimed["token"], agent="claude", branch=f"muster/{task}", base_branch="main"
        )
        await worker.describe_run(claimed["attempt_id"], request)
        assert (await end(api, claimed, verb, **more)).status == 200
        return task, commit

    return make


async def merge(api: Api, task: str, commit: str, **more: Any) -> Any:
    return await api.post(f"/api/v1/tasks/{task}/merge", {"commit": commit, **more})


async def test_work_goes_into_the_branch_it_began_at_and_the_log_tells(
    api: Api, repository: Path, finish: Finish
) -> None:
    """SW-4i, OD-6"""
    task, commit = await finish()
    before = git(repository, "rev-parse", "main")
    assert (await api.get(f"/api/v1/tasks/{task}/git")).json["last_merge"] is None
    reply = await merge(api, task, commit, by="Ann")
    assert reply.status == 200, reply.json
    after = git(repository, "rev-parse", "main")
    assert reply.json == {
        "task_id": task,
        "attempt": 1,
        "commit": commit,
        "into": "main",
        "way": "merge",
        "before": before,
        "merge_commit": after,
        "already": False,
    }
    assert (repository / "a.txt").read_text() == "two\n"
    subject, _, body = git(repository, "log", "-1", "--format=%B", "main").partition("\n")
    assert subject == "Merge into main: Say two"
    assert body.strip() == f"Muster-Task: {task}"
    told = [
        event
        for event in (await api.get(f"/api/v1/tasks/{task}/events")).json["items"]
        if event["kind"] == "task.merged"
    ]
    assert [event["data"]["merge_commit"] for event in told] == [after]
    stands = (await api.get(f"/api/v1/tasks/{task}/git")).json
    assert (stands["merged"], stands["into"]) == (True, "main")
    done = stands["last_merge"]
    assert (done["commit"], done["into"], done["merge_commit"], done["by"]) == (commit, "main", after, "Ann")
    assert done["at"] == told[0]["at"]
    again = await merge(api, task, commit)
    assert (again.json["already"], again.json["merge_commit"]) == (True, after)
    assert git(repository, "rev-parse", "main") == after


async def test_work_that_was_not_looked_at_is_not_merged(api: Api, repository: Path, finish: Finish) -> None:
    """A decision binds to what was seen."""
    task, commit = await finish()
    reply = await merge(api, task, "0" * 40)
    assert (reply.status, reply.json["code"]) == (409, "wrong_state")
    assert commit in reply.json["message"]
    assert (repository / "a.txt").read_text() == "one\n"


async def test_work_that_failed_is_not_merged(api: Api, repository: Path, finish: Finish) -> None:
    """SA-2b: what was written outside of the part's own files stops its merge."""
    task, commit = await finish(verb="fail", code="outside_ownership", message="changed b.txt")
    reply = await merge(api, task, commit)
    assert (reply.status, reply.json["code"]) == (409, "wrong_state")
    assert "failed" in reply.json["message"]
    assert (repository / "a.txt").read_text() == "one\n"


async def test_what_does_not_merge_names_the_files(api: Api, repository: Path, finish: Finish) -> None:
    """SW-4i"""
    one, first = await finish("one of them\n")
    two, second = await finish("the other\n")
    assert (await merge(api, one, first, way="squash", message="Mine")).status == 200
    assert git(repository, "log", "-1", "--format=%s", "main") == "Mine"
    reply = await merge(api, two, second)
    assert (reply.status, reply.json["code"]) == (409, "merge_conflict")
    assert reply.json["details"]["files"] == ["a.txt"]


async def test_a_repository_that_is_elsewhere_is_named(api: Api, store: Store, app: App) -> None:
    """SW-4i"""
    task = await submit(store, spec={"working_dir": "/nowhere/at/all"})
    (claimed,) = await claim(api)
    assert (await merge(api, task, "0" * 40)).json["code"] == "wrong_state"
    worker = Client(InProcessTransport(app))
    request = RunRequest(token=claimed["token"], agent="claude", branch=f"muster/{task}")
    await worker.describe_run(claimed["attempt_id"], request)
    assert (await end(api, claimed)).status == 200
    reply = await merge(api, task, "0" * 40)
    assert (reply.status, reply.json["code"]) == (409, "nothing_to_merge")
    assert "/nowhere/at/all is not on the server's host" in reply.json["message"]
    assert (await merge(api, task, "short")).status == 422
    assert (await merge(api, "tsk_0000000000000", "0" * 40)).status == 404
