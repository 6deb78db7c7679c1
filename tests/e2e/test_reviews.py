"""Strict queues end to end: a result waits for a person, goes back with comments, is approved and merged (SQ-12, SW-2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from muster.client.errors import ApiError
from tests.e2e.server import KillableServer
from tests.e2e.test_agents import Bench, git
from tests.waiting import eventually


@pytest.fixture
async def bench(server: KillableServer) -> AsyncIterator[Bench]:
    server.arguments = ()
    server.environ |= {"MUSTER_WORKER_CAPACITY": "4"}
    await server.start()
    made = Bench(server)
    yield made
    await made.client.close()


async def test_a_strict_result_goes_back_with_comments_and_then_is_approved_and_merged(bench: Bench) -> None:
    """SQ-12, SW-2"""
    muster = bench.server.muster
    assert muster("queue", "create", "careful", "--approval", "strict").returncode == 0
    assert "strict" in muster("queue", "show", "careful").stdout
    # Two turns of one session: the second is what comes of the review.
    turns = (
        [{"run": "sed -i s/hello/fleet/ hello.py"}, {"say": "Done."}],
        [{"run": "echo \"print('again')\" >> hello.py"}, {"say": "Done again."}],
    )
    first = await bench.submit(*turns, title="Greet the fleet", queue="careful")
    then = await bench.submit({"say": "Then."}, title="Afterwards", queue="careful", depends_on=[first])
    done = await bench.ended(first, timeout=60)
    assert (done["state"], done["review"]) == ("succeeded", "pending")
    waits = (await bench.task(then))["waiting"]
    assert (waits["code"], waits["message"]) == ("review", f"{first}'s result is not reviewed yet")
    assert "not reviewed yet" in muster("waiting").stdout
    assert "succeeded, to review" in muster("tasks", "--review", "pending").stdout
    assert "Waits for a verdict" in muster("review", first).stdout
    refused = muster("merge", first)
    assert (refused.returncode, "approved at exactly this commit" in refused.stderr) == (5, True)

    commented = muster("review", first, "--comment", "hello.py:1 Say it \x1b[31magain\x1b[0m.")
    assert (commented.returncode, "draft" in commented.stdout) == (0, True)
    assert "\x1b[31m" not in commented.stdout
    sent = muster("review", first, "--request-changes", "--note", "Nearly there.")
    assert "with 1 comment" in sent.stdout, sent.stdout + sent.stderr
    before = done["attempt"]["run"]

    async def is_back() -> bool:
        task = await bench.task(first)
        return task["state"] == "succeeded" and task["attempt"]["number"] == 2

    await eventually(is_back, timeout=60)
    again = await bench.task(first)
    run = again["attempt"]["run"]
    assert (again["review"], run["base_commit"]) == ("pending", before["base_commit"])
    # The work goes on from what was there, and the agent was told everything as one message.
    assert (
        git(bench.repository, "merge-base", before["head_commit"], run["head_commit"])
        == before["head_commit"]
    )
    assert git(bench.repository, "show", f"{run['head_commit']}:hello.py").endswith("print('again')")
    told = [entry["text"] for entry in await bench.entries(first, "message") if entry.get("role") == "user"]
    assert "Nearly there." in told[-1]
    assert "## hello.py line 1\n\n> print('fleet')\n\nSay it" in told[-1]
    stands = await bench.client.get(f"/tasks/{first}/review")
    assert (stands["void"], stands["new_commits"]) == (True, 1)
    body: dict[str, Any] = {"verdict": "approve", "commit": before["head_commit"]}
    with pytest.raises(ApiError) as refusal:
        await bench.client.post(f"/tasks/{first}/review", body)
    assert refusal.value.code == "work_moved"

    assert "Approved" in muster("review", first, "--approve").stdout
    assert (await bench.ended(then, timeout=60))["state"] == "succeeded"
    assert muster("merge", first).returncode == 0
    assert "again" in (bench.repository / "hello.py").read_text()
    assert muster("review", then, "--reject").returncode == 6
    assert "Rejected" in muster("review", then, "--reject", "--note", "Not wanted.").stdout
    assert muster("verify").returncode == 0
