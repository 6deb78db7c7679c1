"""Reviewing a task's result over the API: bound to what was seen, comments that follow the work (SQ-12, SW-2)."""

from __future__ import annotations

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
from tests.api.test_task_merge import git

TASKS = "/api/v1/tasks"
BEFORE = "one\ntwo\nthree\nfour\n"


class Desk:
    """A strict queue over a repository, and an agent that leaves commits."""

    def __init__(self, api: Api, app: App, store: Store, folder: Path) -> None:
        self.api, self.store, self.folder = api, store, folder
        self.worker = Client(InProcessTransport(app))
        self.task = ""

    async def work(self, text: str, **more: str) -> str:
        """Claim the task and leave a commit in which a.txt reads so; its id."""
        (claimed,) = await claim(self.api)
        self.claimed = claimed
        base = git(self.folder, "rev-parse", "main")
        start = claimed["earlier_attempts"][-1]["head_commit"] if claimed["earlier_attempts"] else base
        tree = self.folder.parent / claimed["attempt_id"]
        git(self.folder, "worktree", "add", "-q", "--detach", str(tree), start)
        (tree / "a.txt").write_text(text)
        for name, content in more.items():
            (tree / name).write_text(content)
        git(tree, "add", "-A")
        git(tree, "commit", "-qm", "work")
        commit = git(tree, "rev-parse", "HEAD")
        git(self.folder, "worktree", "remove", "--force", str(tree))
        git(self.folder, "update-ref", f"refs/muster/attempts/{claimed['attempt_id']}", commit)
        await self.worker.describe_run(
            claimed["attempt_id"],
            RunRequest(
                token=claimed["token"],
                agent="claude",
                branch=f"muster/{self.task}",
                base_branch="main",
                base_commit=base,
                head_commit=commit,
            ),
        )
        assert (await end(self.api, claimed)).status == 200
        return commit

    async def review(self, verdict: str, commit: str | None, **more: Any) -> Any:
        body = {"verdict": verdict, "commit": commit, **more}
        return await self.api.post(f"{TASKS}/{self.task}/review", body)

    async def comment(self, **fields: Any) -> Any:
        return await self.api.post(
            f"{TASKS}/{self.task}/comments", {"path": "a.txt", "text": "Hm.", **fields}
        )

    async def stands(self) -> Any:
        return (await self.api.get(f"{TASKS}/{self.task}/review")).json


@pytest.fixture
async def desk(api: Api, app: App, store: Store, tmp_path: Path) -> Desk:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text(BEFORE)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    made = Desk(api, app, store, folder)
    made.task = await submit(store, "Say five", spec={"working_dir": str(folder)})
    queue = (await api.get(f"{TASKS}/{made.task}")).json["queue"]
    changed = await api.patch(f"/api/v1/queues/{queue}", {"approval": "strict"})
    assert (changed.status, changed.json["approval"]) == (200, "strict")
    return made


async def test_strict_work_is_merged_only_once_it_is_approved_at_that_commit(api: Api, desk: Desk) -> None:
    """SQ-12"""
    commit = await desk.work(BEFORE + "five\n")
    stands = await desk.stands()
    assert (stands["state"], stands["required"], stands["commit"]) == ("pending", True, commit)
    assert stands["words"] == "Waits for a verdict"
    assert [row["id"] for row in (await api.get(f"{TASKS}?review=pending")).json["items"]] == [desk.task]
    assert (await api.get("/api/v1/status")).json["reviews"] == 1
    overview = (await api.get("/api/v1/overview")).json
    assert (overview["reviews"], overview["waiting"]) == (1, 1)
    merge = await api.post(f"{TASKS}/{desk.task}/merge", {"commit": commit})
    assert (merge.status, merge.json["code"]) == (409, "not_reviewed")
    assert "waits for a verdict" in merge.json["message"]
    moved = await desk.review("approve", "0" * 40)
    assert (moved.status, moved.json["code"]) == (409, "work_moved")
    assert (await desk.review("approve", None)).status == 409
    given = await desk.review("approve", commit, by="ann")
    assert (given.status, given.json["state"], given.json["words"]) == (
        200,
        "approved",
        f"Approved at {commit[:8]}",
    )
    assert (await api.get(f"{TASKS}/{desk.task}")).json["review"] == "approved"
    assert (await api.post(f"{TASKS}/{desk.task}/merge", {"commit": commit})).status == 200


async def test_an_approval_of_other_work_is_void_and_says_how_much_is_new(api: Api, desk: Desk) -> None:
    """A decision binds to what was seen."""
    first = await desk.work(BEFORE + "five\n")
    await desk.review("approve", first)
    await api.post(f"{TASKS}/{desk.task}/requeue", {})
    second = await desk.work(BEFORE + "five\nsix\n", **{"b.txt": "new\n"})
    stands = await desk.stands()
    assert (stands["state"], stands["void"], stands["new_commits"]) == ("pending", True, 1)
    assert stands["words"] == f"Approved at {first[:8]}. 1 new commit since: review again"
    assert (await api.post(f"{TASKS}/{desk.task}/merge", {"commit": second})).json["code"] == "not_reviewed"
    new = (await api.get(f"{TASKS}/{desk.task}/review/changes")).json
    assert (new["since"], new["commit"]) == (first, second)
    assert [(file["path"], file["change"], file["additions"]) for file in new["produced"]] == [
        ("a.txt", "modified", 1),
        ("b.txt", "created", 1),
    ]
    diff = await api.get(f"{TASKS}/{desk.task}/review/diff?path=a.txt&since={first}")
    assert b"+six" in diff.body
    assert b"+five" not in diff.body
    assert (await api.get(f"{TASKS}/{desk.task}/review/diff?path=c.txt")).status == 404
    assert (await api.get(f"{TASKS}/{desk.task}/review/changes?since={'1' * 40}")).status == 409


async def test_comments_are_drafts_follow_their_lines_and_are_lost_with_them(api: Api, desk: Desk) -> None:
    """SW-2: comments follow lines across an agent's updates; lost ones keep their old hunk."""
    first = await desk.work(BEFORE + "five\nsix\n")
    kept = (await desk.comment(line=5, end_line=6, text="Why <b>five</b>?")).json
    lost = (await desk.comment(line=2)).json
    old = (await desk.comment(line=4, side="old")).json
    assert (kept["hunk"], kept["review_id"], kept["now"]) == (
        "five\nsix",
        None,
        {"path": "a.txt", "line": 5, "end_line": 6},
    )
    assert (old["hunk"], old["commit"]) == ("four", git(desk.folder, "rev-parse", "main"))
    assert (await desk.comment(line=7)).json["code"] == "invalid_input"
    absent = await desk.comment(line=9, path="no/such/file")
    assert (absent.json["code"], absent.json["details"]["field"]) == ("invalid_input", "path")
    assert "is not in the work at" in absent.json["message"]
    for wrong in (
        {"line": 0},
        {"line": 1, "text": ""},
        {"line": 1, "path": "a\nb"},
    ):
        assert (await desk.comment(**wrong)).status == 422
    place = f"{TASKS}/{desk.task}/comments"
    slip = (await desk.comment(line=1, text="Never mind.")).json
    assert (await api.delete(f"{place}/{slip['id']}")).status == 200
    assert (await api.patch(f"{place}/{lost['id']}", {"text": "Why two?"})).json["text"] == "Why two?"
    assert (await desk.review("request_changes", first, note="Nearly.")).json["state"] == "changes_requested"
    second = await desk.work("zero\none\n2\nthree\nfour\nfive\nsix\n")
    review = desk.claimed["review"]
    assert "Nearly." in review
    assert review.index("> two\n\nWhy two?") < review.index("> five\n> six\n\nWhy <b>five</b>?")
    found = {row["id"]: row["now"] for row in (await desk.stands())["comments"]}
    assert found[kept["id"]] == {"path": "a.txt", "line": 6, "end_line": 7}
    assert found[lost["id"]] is None
    assert found[old["id"]] == {"path": "a.txt", "line": 4, "end_line": 4}
    resolved = await api.patch(f"{place}/{kept['id']}", {"resolved": True})
    assert resolved.json["resolved_at"] is not None
    assert (await api.delete(f"{place}/{kept['id']}")).status == 409
    assert (await desk.review("reject", second)).status == 422
    rejected = await desk.review("reject", second, note="Not wanted after all.")
    assert rejected.json["words"] == f"Rejected at {second[:8]}"
    assert [row["verdict"] for row in rejected.json["reviews"]] == ["reject", "request_changes"]


async def test_a_result_without_a_commit_is_reviewed_by_its_attempt(api: Api, desk: Desk) -> None:
    """SQ-12: every result, that of a script too."""
    assert (await desk.stands())["attempt"] == 0
    assert (await desk.comment(line=1)).json["code"] == "wrong_state"
    (claimed,) = await claim(api)
    assert (await desk.review("approve", None)).json["code"] == "wrong_state"
    assert (await end(api, claimed)).status == 200
    assert (await desk.comment(line=1)).json["now"] == {"path": "a.txt", "line": 1, "end_line": 1}
    assert (await api.get(f"{TASKS}/{desk.task}/review/changes")).json["code"] == "wrong_state"
    assert (await desk.review("approve", None, attempt=1)).json["state"] == "approved"
    assert (await api.get(f"{TASKS}/tsk_0000000000000/review")).status == 404
