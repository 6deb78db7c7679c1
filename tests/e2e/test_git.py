"""Where agents' work goes: pushed, with a request on a forge, from folders of all sorts (SW-4i, OD-7)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster.client.errors import ApiError
from tests.e2e.server import KillableServer
from tests.e2e.test_agents import Bench, git
from tests.vcs.forge_double import TOKEN, ForgeDouble, forge_double

EDIT = {"edit": {"path": "hello.py", "old": "'hello'", "new": "'hello, fleet'"}}


@pytest.fixture
async def forge() -> AsyncIterator[ForgeDouble]:
    async with forge_double("github") as made:
        yield made


@pytest.fixture
async def bench(server: KillableServer, forge: ForgeDouble) -> AsyncIterator[Bench]:
    server.arguments = ()
    known = {
        "host": forge.host,
        "kind": "github",
        "api": forge.access().api,
        "token_variable": "WIDGETS_TOKEN",
    }
    (server.folder / "muster.yml").write_text(json.dumps({"agents": {"forges": [known]}}))
    server.environ |= {"MUSTER_WORKER_CAPACITY": "4", "WIDGETS_TOKEN": TOKEN}
    await server.start()
    made = Bench(server)
    bare = server.folder / "bare.git"
    git(server.folder, "init", "-q", "--bare", "-b", "main", str(bare))
    git(made.repository, "remote", "add", "origin", forge.url)
    git(made.repository, "config", "remote.origin.pushurl", str(bare))
    git(made.repository, "push", "-q", str(bare), "main")
    yield made
    await made.client.close()


async def attempts_of(bench: Bench, ident: str) -> list[Any]:
    return list((await bench.client.get(f"/tasks/{ident}/attempts"))["items"])


async def test_work_is_pushed_and_gets_a_draft_pull_request(bench: Bench, forge: ForgeDouble) -> None:
    """SW-4i"""
    ident = await bench.submit(
        {"run": "env"},
        EDIT,
        {"say": "Done."},
        title="Change the greeting",
        description="It is too short.",
        acceptance_command="grep fleet hello.py",
        payload={"pull_request": True},
    )
    task = await bench.ended(ident, timeout=40)
    run = task["attempt"]["run"]
    assert task["state"] == "succeeded"
    bare = bench.server.folder / "bare.git"
    assert git(bare, "rev-parse", f"muster/{ident}") == run["head_commit"]
    assert (run["pushed_to"], run["base_branch"]) == (str(bare), "main")
    (opened,) = forge.opened
    assert run["pull_request"] == opened["html_url"]
    assert (opened["draft"], opened["title"], opened["base"]["ref"]) == (True, "Change the greeting", "main")
    assert opened["body"].startswith("It is too short.\n\n### Changes\n\nchange hello.py")
    assert "grep fleet hello.py" in opened["body"]
    shown = bench.server.muster("task", ident).stdout
    assert opened["html_url"] in shown
    said = str(await bench.client.get(f"/tasks/{ident}/conversation", limit=1000))
    assert TOKEN not in said + shown
    merged = bench.server.muster("merge", ident, "--squash")
    assert merged.stdout.startswith(f"Merged {run['head_commit'][:8]} into main"), (
        merged.stdout + merged.stderr
    )
    assert "fleet" in (bench.repository / "hello.py").read_text()
    assert "has all of" in bench.server.muster("merge", ident).stdout
    assert bench.server.muster("verify").returncode == 0
    bench.server.stop()
    for path in bench.server.folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


async def test_work_that_cannot_leave_is_told_before_the_agent_starts(
    bench: Bench, forge: ForgeDouble
) -> None:
    """No money is spent on it."""
    nowhere = await bench.submit(EDIT, payload={"push": "upstream"})
    unknown = await bench.submit(EDIT, payload={"pull_request": True, "push": "other"})
    git(bench.repository, "remote", "add", "other", "git@git.example.org:a/b.git")
    git(bench.repository, "remote", "add", "hub", "git@github.com:a/b.git")
    tokenless = await bench.submit(EDIT, payload={"pull_request": True, "push": "hub"})
    for ident, code in (
        (nowhere, "remote_missing"),
        (unknown, "remote_missing"),
        (tokenless, "token_missing"),
    ):
        assert (await bench.ended(ident, timeout=40))["state"] == "failed"
        (attempt,) = await attempts_of(bench, ident)
        assert attempt["code"] == code
        assert attempt["run"] is None
    assert forge.opened == []


async def test_what_the_forge_refuses_fails_the_attempt_and_keeps_the_branch(
    bench: Bench, forge: ForgeDouble
) -> None:
    """SW-4i"""
    forge.refuse = (422, {"message": "Validation Failed"})
    ident = await bench.submit(EDIT, {"say": "Done."}, payload={"pull_request": {"draft": False}})
    task = await bench.ended(ident, timeout=40)
    (attempt,) = await attempts_of(bench, ident)
    assert (task["state"], attempt["code"]) == ("failed", "push_refused")
    assert "Validation Failed" in attempt["error"]
    assert "fleet" in git(bench.repository, "show", f"muster/{ident}:hello.py")


async def test_work_outside_of_what_the_task_owns_is_not_pushed(bench: Bench, forge: ForgeDouble) -> None:
    """SA-2b: it is flagged, shown, and goes nowhere."""
    ident = await bench.submit(EDIT, {"say": "Done."}, payload={"pull_request": True, "owns": ["docs/"]})
    task = await bench.ended(ident, timeout=40)
    (attempt,) = await attempts_of(bench, ident)
    assert (task["state"], attempt["code"]) == ("failed", "outside_ownership")
    files = await bench.client.get(f"/tasks/{ident}/files")
    assert (files["totals"]["outside"], files["produced"][0]["outside"]) == (1, True)
    assert git(bench.server.folder / "bare.git", "branch", "--list", "muster/*") == ""
    assert forge.opened == []


async def test_setup_runs_first_with_the_tasks_environment_and_stops_what_it_fails(bench: Bench) -> None:
    """SW-4i: set-up, clean-up, ports and environment of an attempt."""
    good = await bench.submit(
        {"run": "cat made.txt; env | sort"},
        {"say": "Done."},
        payload={
            "env": {"FLAVOUR": "plum"},
            "setup": 'echo "$FLAVOUR $MUSTER_PORT_BASE" > made.txt',
            "cleanup": "echo gone > cleaned.txt",
        },
    )
    assert (await bench.ended(good, timeout=40))["state"] == "succeeded"
    flavour, port = git(bench.repository, "show", f"muster/{good}:made.txt").split()
    assert flavour == "plum"
    assert int(port) >= 1024
    assert git(bench.repository, "show", f"muster/{good}:cleaned.txt") == "gone"
    bad = await bench.submit(
        EDIT,
        payload={"setup": "echo no >&2; exit 3", "cleanup": "touch cleaned.txt"},
        retry={"max_attempts": 1},
    )
    assert (await bench.ended(bad, timeout=40))["state"] == "failed"
    (attempt,) = await attempts_of(bench, bad)
    assert attempt["code"] == "setup_failed"
    assert "status 3" in attempt["error"]


async def test_changes_of_a_folder_without_git_are_reported(bench: Bench) -> None:
    """OD-7"""
    folder = bench.server.folder / "notes"
    folder.mkdir()
    (folder / "hello.py").write_text("print('hello')\n")
    ident = await bench.submit(EDIT, {"say": "Done."}, working_dir=str(folder))
    task = await bench.ended(ident, timeout=40)
    assert task["state"] == "succeeded"
    assert task["attempt"]["run"]["workspace_kind"] == "in_place"
    (file,) = (await bench.client.get(f"/tasks/{ident}/files"))["produced"]
    assert (file["path"], file["change"], file["has_before"], file["has_diff"]) == (
        "hello.py",
        "modified",
        True,
        True,
    )
    assert [path.name for path in Path(folder).iterdir()] == ["hello.py"]


async def test_how_work_stands_is_told_while_it_is_made_and_until_it_is_merged(bench: Bench) -> None:
    """SW-4i: git status on the task; branches that are merged go, and nothing else."""
    ident = await bench.submit(EDIT, {"allow": "true"}, {"say": "Done."}, title="Greet")
    other = await bench.submit({"write": {"path": "b.txt", "text": "b"}}, {"say": "Done."})
    asked = await bench.asked()
    standing = await bench.client.get(f"/tasks/{ident}/git")
    assert (standing["dirty"], standing["commit"], standing["into"]) == (1, None, "main")
    await bench.answer(asked["id"], verdict="allow", seen=asked["digest"])
    await bench.ended(ident, timeout=40)
    await bench.ended(other, timeout=40)
    standing = await bench.client.get(f"/tasks/{ident}/git")
    counted = [standing[name] for name in ("ahead", "behind", "merged", "dirty", "problem")]
    assert counted == [1, 0, False, None, None]
    assert "not merged, 1 ahead of main, 0 behind" in bench.server.muster("task", ident).stdout
    git(bench.repository, "merge", "-q", "--squash", f"muster/{ident}")
    git(bench.repository, "commit", "-qm", "squashed")
    assert "merged into main" in bench.server.muster("task", ident).stdout
    place = ("--repository", str(bench.repository))
    shown = bench.server.muster("branches", *place)
    assert shown.returncode == 0, shown.stderr
    assert "1 of 2 branches would go" in shown.stderr
    assert len(git(bench.repository, "branch", "--list", "muster/*").split()) == 2
    told = json.loads(bench.server.muster("branches", *place, "--reclaim", "--json").stdout)
    assert (told["freed"]["branches"], told["dry_run"]) == (1, False)
    assert git(bench.repository, "branch", "--list", "muster/*").split() == [f"muster/{other}"]
    assert git(bench.repository, "for-each-ref", "--format=x", "refs/muster") == "x"
    standing = await bench.client.get(f"/tasks/{ident}/git")
    assert standing["merged"] is None


async def test_work_that_is_not_to_be_committed_is_kept_without_a_branch(bench: Bench) -> None:
    """SW-4i: nothing is lost."""
    ident = await bench.submit(EDIT, {"say": "Done."}, payload={"commit": False})
    task = await bench.ended(ident, timeout=40)
    assert task["state"] == "succeeded"
    kept = f"refs/muster/attempts/{task['attempt']['id']}"
    assert "fleet" in git(bench.repository, "show", f"{kept}:hello.py")
    assert git(bench.repository, "branch", "--list", "muster/*") == ""


async def test_a_lead_begins_with_the_work_of_the_parts_and_ends_with_all_of_it(bench: Bench) -> None:
    """SA-2b: two parts that fit and one that does not; the lead sees where, mends it, and one merge takes in everything."""
    rival = {"edit": {"path": "hello.py", "old": "'hello'", "new": "'good day'"}}
    first = await bench.submit(EDIT, {"say": "Done."}, title="Greeting")
    other = await bench.submit(rival, {"say": "Done."}, title="Rival")
    third = await bench.submit(
        {"write": {"path": "more.py", "text": "x = 1\n"}}, {"say": "Done."}, title="More"
    )
    mend = {
        "run": "grep -c '<<<<<<<' hello.py > seen.txt; printf \"def hello():\\n    return 'both'\\n\" > hello.py"
    }
    lead = await bench.submit(
        mend,
        {"say": "Done."},
        title="Bring it together",
        depends_on=[first, other, third],
        payload={"integrate": True},
        acceptance_command="test -f more.py",
    )
    elsewhere = await bench.submit(
        {"say": "Done."},
        working_dir=str(bench.server.folder),
        depends_on=[first],
        payload={"integrate": True},
    )
    task = await bench.ended(lead, timeout=60)
    assert task["state"] == "succeeded", await attempts_of(bench, lead)
    assert git(bench.repository, "show", f"muster/{lead}:seen.txt") == "1"
    prompt = str((await bench.client.get(f"/tasks/{lead}/conversation", limit=1))["items"][0])
    assert f"task `{first}` is merged in." in prompt
    assert f"task `{other}` is merged in with conflict markers in `hello.py`" in prompt
    assert (await bench.ended(elsewhere, timeout=60))["state"] == "failed"
    assert "is in no git repository" in (await attempts_of(bench, elsewhere))[-1]["error"]
    with pytest.raises(ApiError, match="needs tasks to depend on"):
        await bench.submit({"say": "Done."}, payload={"integrate": True})
    changed = await bench.client.get(f"/tasks/{lead}/files")
    assert {entry["path"] for entry in changed["produced"]} == {"hello.py", "seen.txt"}
    merged = bench.server.muster("merge", lead)
    assert merged.returncode == 0, merged.stdout + merged.stderr
    assert "both" in (bench.repository / "hello.py").read_text()
    assert (bench.repository / "more.py").read_text() == "x = 1\n"
    assert bench.server.muster("branches", "-C", str(bench.repository), "--reclaim").returncode == 0
    assert git(bench.repository, "for-each-ref", "refs/muster", "refs/heads/muster") == ""
