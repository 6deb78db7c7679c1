"""Real agents do the work: a prompt goes in, a commit comes out, and every token is accounted for (SW-9, SA-4a)."""

from __future__ import annotations

import pytest

from tests.real_agents.bench import PROGRAMS, Fleet, Program, git, marker, processes
from tests.real_agents.ledger import assert_books_agree
from tests.waiting import eventually

ANSWER = "hello, fleet"
EDIT = {"edit": {"path": "hello.py", "old": "'hello'", "new": f"'{ANSWER}'"}}
READ = {"read": {"path": "hello.py"}}
NAP = "sleep 31337.25"


async def test_it_edits_runs_commits_and_goes_on_in_the_same_session(fleet: Fleet, program: Program) -> None:
    """SW-9, SQ-11, SA-4a: tokens and cost equal the model server's log; the second task goes on where the first ended."""
    name = program.agent
    repository = fleet.repository(f"work-{name}")
    steps = (
        {"say": "I look first.", "calls": [READ]},
        {"think": "Only one word is to change.", "say": "I change it.", "calls": [EDIT]},
        {"calls": [{"shell": {"command": "python3 hello.py | tee said.txt"}}]},
        {"final": "It greets the fleet."},
    )
    ident = await fleet.submit(program, repository, marker(*steps, run=f"{name}.work"))
    task = await fleet.ended(ident)
    assert (task["state"], task["output"]) == ("succeeded", "It greets the fleet."), await fleet.attempts(
        ident
    )
    run = task["attempt"]["run"]
    assert run["branch"] == f"muster/{ident}"
    assert ANSWER in git(repository, "show", f"{run['branch']}:hello.py")
    assert git(repository, "show", f"{run['branch']}:said.txt") == ANSWER
    said = [entry["text"] for entry in await fleet.entries(ident, "message")]
    assert {"I look first.", "I change it.", "It greets the fleet."} <= {text.strip() for text in said}
    commands = [entry.get("command", "") for entry in await fleet.entries(ident, "tool_call")]
    assert any("python3 hello.py" in command for command in commands)
    logged = await assert_books_agree(fleet, ident, f"{name}.work")
    assert [call.step for call in logged if not call.side] == [0, 1, 2, 3]
    if not program.resumes:
        return
    prompt = marker({"final": "I remember."}, run=f"{name}.more")
    second = await fleet.submit(program, repository, prompt, payload={"resume": ident})
    task = await fleet.ended(second)
    assert (task["state"], task["output"]) == ("succeeded", "I remember."), await fleet.attempts(second)
    assert task["attempt"]["run"]["session"] == run["session"]
    logged = await assert_books_agree(fleet, second, f"{name}.more")
    turn = next(call for call in logged if call.tools)
    begun = next(call for call in fleet.models.calls if call.run == f"{name}.work" and call.tools)
    # The conversation so far was sent along.
    assert turn.usage.input + turn.usage.cache_write > begun.usage.input + begun.usage.cache_write


async def test_what_it_asks_is_allowed_or_denied_by_a_person(fleet: Fleet, program: Program) -> None:
    """SW-1a: it waits for the answer; an allowed command runs, a denied one does not."""
    name = program.agent
    repository = fleet.repository(f"ask-{name}")
    for verdict in ("allow", "deny"):
        command = {"shell": {"command": f"touch {verdict}ed.txt", "outside": True}}
        prompt = marker({"calls": [command]}, {"final": "It was answered."}, run=f"{name}.{verdict}")
        ident = await fleet.submit(
            program, repository, prompt, payload={"permissions": "ask"}, retry={"max_attempts": 1}
        )
        asked = await fleet.asked(ident)
        assert f"touch {verdict}ed.txt" in asked["document"]["command"]
        assert (await fleet.task(ident))["state"] == "running"
        await fleet.answer(asked, verdict=verdict)
        await fleet.ended(ident)
        # Without a change there is no branch.
        made = git(repository, "branch", "--list", f"muster/{ident}") and git(
            repository, "ls-tree", "--name-only", f"muster/{ident}"
        )
        assert (f"{verdict}ed.txt" in made) == (verdict == "allow")
        settled = await fleet.client.get(f"/approvals/{asked['id']}")
        assert (settled["state"], settled["answer"]["kind"].split("_")[0]) == (
            "answered",
            {"allow": "allow", "deny": "reject"}[verdict],
        )
        await assert_books_agree(fleet, ident, f"{name}.{verdict}")


async def test_cancelled_at_work_nothing_of_it_is_left(fleet: Fleet, program: Program) -> None:
    """OD-2: neither the agent nor what it started; what it had done is on its branch."""
    repository = fleet.repository(f"cancel-{program.agent}")
    steps = (
        {"calls": [{"shell": {"command": "echo half > half.txt"}}]},
        {"calls": [{"shell": {"command": f"({NAP} &); {NAP}"}}]},
        {"final": "never"},
    )
    ident = await fleet.submit(program, repository, marker(*steps, run=f"{program.agent}.cancel"))
    await eventually(lambda: len(processes(NAP, "sleep")) >= 2, timeout=90, step=0.1)
    home = str(fleet.server.folder / "data" / "worker" / "homes" / ident)
    await fleet.client.post(f"/tasks/{ident}/cancel")
    await eventually(lambda: not sleepers(), timeout=5)
    assert (await fleet.ended(ident))["state"] == "cancelled"
    attempt = (await fleet.attempts(ident))[0]["id"]
    await eventually(lambda: not processes(attempt) and not processes(home), timeout=5)
    await eventually(lambda: f"muster/{ident}" in git(repository, "branch", "--list", "muster/*"))
    assert git(repository, "show", f"muster/{ident}:half.txt") == "half"


def sleepers() -> list[str]:
    return [line for line in processes(NAP) if line.startswith("sleep")]


@pytest.mark.timeout(300)
async def test_ten_of_all_kinds_at_once_do_not_meet(fleet: Fleet) -> None:
    """SW-9: ten in parallel on one repository, each with its own branch and its own account."""
    repository = fleet.repository("ten")
    idents = dict[str, str]()
    for number in range(10):
        program = list(PROGRAMS.values())[number % len(PROGRAMS)]
        name = f"{program.agent}.{number}"
        steps = (
            {"calls": [{"write": {"path": "mine.txt", "content": f"{number}\n"}}]},
            {"calls": [{"shell": {"command": "cat mine.txt > copy.txt"}}]},
            {"final": f"I am {number}."},
        )
        idents[name] = await fleet.submit(program, repository, marker(*steps, run=name))
    for number, (name, ident) in enumerate(idents.items()):
        task = await fleet.ended(ident, timeout=200)
        assert (task["state"], task["output"]) == ("succeeded", f"I am {number}."), await fleet.attempts(
            ident
        )
        for file in ("mine.txt", "copy.txt"):
            assert git(repository, "show", f"muster/{ident}:{file}") == f"{number}"
        await assert_books_agree(fleet, ident, name)
    traces = {call["trace_id"] for ident in idents.values() for call in await fleet.calls(ident)}
    mine = [call for call in fleet.models.calls if call.run in idents]
    assert len(mine) >= 30
    assert {call.trace_id for call in mine} <= traces
