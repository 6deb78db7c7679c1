"""Results nobody looked at over the API, and that what is merged elsewhere is not among them (SQ-12, SW-4i)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from muster.api.app import App
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire_runs import RunRequest
from muster.engine.merge_watch import MergeWatch
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit
from tests.api.test_task_merge import git, merge

Finish = Callable[..., Awaitable[tuple[str, str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "repo"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    (made / "a.txt").write_text("one\n")
    git(made, "add", "-A")
    git(made, "commit", "-qm", "first")
    return made


@pytest.fixture
def finish(api: Api, app: App, store: Store, folder: Path) -> Finish:
    """Makes a task whose attempt left a commit with a file of its own; the task and the commit."""
    worker = Client(InProcessTransport(app))

    async def make(name: str) -> tuple[str, str]:
        task = await submit(store, f"Write {name}", spec={"working_dir": str(folder)})
        (claimed,) = await claim(api)
        tree, base = folder.parent / task, git(folder, "rev-parse", "main")
        git(folder, "worktree", "add", "-q", "-b", f"muster/{task}", str(tree), "main")
        (tree / name).write_text("new\n")
        git(tree, "add", "-A")
        git(tree, "commit", "-qm", "work")
        commit = git(tree, "rev-parse", "HEAD")
        git(folder, "worktree", "remove", "--force", str(tree))
        git(folder, "update-ref", f"refs/muster/attempts/{claimed['attempt_id']}", commit)
        request = RunRequest(
            token=claimed["token"],
            agent="claude",
            branch=f"muster/{task}",
            base_branch="main",
            base_commit=base,
            head_commit=commit,
        )
        await worker.describe_run(claimed["attempt_id"], request)
        assert (await end(api, claimed, "complete")).status == 200
        return task, commit

    return make


async def listed(api: Api) -> list[str]:
    reply = await api.get("/api/v1/tasks?review=pending&review=unseen")
    return [row["id"] for row in reply.json["items"]]


async def test_finished_work_is_found_at_once_and_can_be_set_aside(api: Api, finish: Finish) -> None:
    """SQ-12"""
    task, commit = await finish("b.txt")
    assert await listed(api) == [task]
    overview: Any = (await api.get("/api/v1/overview")).json
    assert (overview["unseen"], overview["reviews"], overview["waiting"]) == (1, 0, 0)
    assert (await api.get("/api/v1/status")).json["unseen"] == 1
    review = (await api.get(f"/api/v1/tasks/{task}/review")).json
    assert (review["state"], review["required"], review["commit"]) == ("unseen", False, commit)
    for _ in range(2):
        reply = await api.post(f"/api/v1/tasks/{task}/seen", {"by": "ann"})
        assert (reply.status, reply.json["state"]) == (200, "none")
    assert await listed(api) == []
    for _ in range(2):
        reply = await api.post(f"/api/v1/tasks/{task}/unseen", {"by": "ann"})
        assert (reply.status, reply.json["state"]) == (200, "unseen")
    assert await listed(api) == [task]


async def test_only_results_are_set_aside(api: Api, store: Store) -> None:
    task = await submit(store, "Not done")
    reply = await api.post(f"/api/v1/tasks/{task}/seen", {})
    assert (reply.status, reply.json["code"]) == (409, "wrong_state")
    assert (await api.post("/api/v1/tasks/tsk_0dq3m8x1c7w00/seen", {})).status == 404
    reply = await api.post(f"/api/v1/tasks/{task}/unseen", {})
    assert (reply.status, reply.json["code"]) == (409, "wrong_state")
    assert (await api.post("/api/v1/tasks/tsk_0dq3m8x1c7w00/unseen", {})).status == 404


async def test_merged_work_is_not_to_be_looked_at_any_more(api: Api, finish: Finish, folder: Path) -> None:
    """SW-4i: by muster, and where a person had merged it before."""
    first, commit = await finish("b.txt")
    second, later = await finish("c.txt")
    assert (await merge(api, first, commit)).status == 200
    assert await listed(api) == [second]
    git(folder, "merge", "-q", "--no-edit", later)
    reply = await merge(api, second, later)
    assert (reply.status, reply.json["already"]) == (200, True)
    assert await listed(api) == []


async def test_what_is_merged_by_other_means_leaves_the_list_by_itself(
    api: Api, finish: Finish, store: Store, folder: Path
) -> None:
    """SW-4i: merged, squashed, or not; a branch that did not move is not compared again."""
    merged, commit = await finish("b.txt")
    _, other = await finish("c.txt")
    left, _ = await finish("d.txt")
    watch = MergeWatch(store)
    assert await watch.look() == 0
    git(folder, "merge", "-q", "--no-edit", commit)
    assert await watch.look() == 1
    assert merged not in await listed(api)
    git(folder, "merge", "-q", "--squash", other)
    git(folder, "commit", "-qm", "squashed")
    assert await watch.look() == 1
    assert await listed(api) == [left]
    assert await watch.look() == 0


async def test_a_repository_that_is_not_here_or_broken_is_left_alone(
    api: Api, finish: Finish, store: Store, folder: Path
) -> None:
    task, _ = await finish("b.txt")
    git(folder, "checkout", "-q", "--detach")
    git(folder, "branch", "-D", "main")
    watch = MergeWatch(store)
    assert await watch.look() == 0
    folder.rename(folder.with_name("elsewhere"))
    assert await watch.look() == 0
    assert await listed(api) == [task]
