"""Real agents do the work: a prompt goes in, a commit comes out, and every token is accounted for (SW-9, SA-4a).

All programs are at it at once, which is how they are used, and quicker.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.real_agents.bench import PROGRAMS, Fleet, Program, git, marker, processes, submit_all
from tests.real_agents.ledger import assert_books_agree
from tests.waiting import eventually

ANSWER = "hello, fleet"
EDIT = {"edit": {"path": "hello.py", "old": "'hello'", "new": f"'{ANSWER}'"}}
READ = {"read": {"path": "hello.py"}}
NAPS = {agent: f"sleep {31337 + number}.25" for number, agent in enumerate(PROGRAMS)}
RESUMING = [agent for agent, program in PROGRAMS.items() if program.resumes]
TELLING = ("claude", "codex")
"""Those that tell what they use by OpenTelemetry."""
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def edited(running: Fleet) -> dict[str, str]:
    """A task for each program that changes a file, runs a command and ends."""
    steps = (
        {"say": "I look first.", "calls": [READ]},
        {"think": "Only one word is to change.", "say": "I change it.", "calls": [EDIT]},
        {"calls": [{"shell": {"command": "python3 hello.py | tee said.txt"}}]},
        {"final": "It greets the fleet."},
    )
    return submit_all(running, "edit", {agent: marker(*steps, run=f"{agent}.edit") for agent in PROGRAMS})


@pytest.fixture(scope="module")
def resumed(running: Fleet, edited: dict[str, str]) -> dict[str, str]:
    """A second task for each that can go on with its session."""
    prompts = {agent: marker({"final": "I remember."}, run=f"{agent}.more") for agent in RESUMING}
    return submit_all(running, "edit", prompts, after=edited)


@pytest.fixture(scope="module", params=["allow", "deny"])
def asking(running: Fleet, request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """A task for each that must ask before it runs a command; and what it is to be told."""
    verdict = str(request.param)
    command = {"shell": {"command": f"touch {verdict}ed.txt", "outside": True}}
    steps = ({"calls": [command]}, {"final": "It was answered."})
    prompts = {agent: marker(*steps, run=f"{agent}.{verdict}") for agent in PROGRAMS}
    fields: dict[str, Any] = {"payload": {"permissions": "ask"}, "retry": {"max_attempts": 1}}
    return verdict, submit_all(running, verdict, prompts, **fields)


@pytest.mark.parametrize("agent", PROGRAMS)
async def test_it_edits_a_file_runs_a_command_and_commits(
    fleet: Fleet, edited: dict[str, str], agent: str
) -> None:
    """SW-9, SW-4i, SA-4a: what it said and did is shown, and tokens and cost equal the model server's log."""
    ident, repository = edited[agent], fleet.place(f"edit-{agent}")
    task = await fleet.ended(ident)
    assert (task["state"], task["output"]) == ("succeeded", "It greets the fleet."), await fleet.attempts(
        ident
    )
    branch = task["attempt"]["run"]["branch"]
    assert branch == f"muster/{ident}"
    assert ANSWER in git(repository, "show", f"{branch}:hello.py")
    assert git(repository, "show", f"{branch}:said.txt") == ANSWER
    assert git(repository, "status", "--porcelain") == ""
    said = {entry["text"].strip() for entry in await fleet.entries(ident, "message")}
    assert {"I look first.", "I change it.", "It greets the fleet."} <= said
    commands = [entry.get("command", "") for entry in await fleet.entries(ident, "tool_call")]
    assert any("python3 hello.py" in command for command in commands)
    logged = await assert_books_agree(fleet, ident, f"{agent}.edit")
    assert [call.step for call in logged if not call.side] == [0, 1, 2, 3]
    if agent in TELLING:
        run = task["attempt"]["run"]
        assert run["telemetry"], "it told nothing by OpenTelemetry"
        assert run["telemetry_difference"]["output_tokens"] == 0, (run["telemetry"], run["tokens"])
        assert run["telemetry_difference"]["input_tokens"] == 0, (run["telemetry"], run["tokens"])


@pytest.mark.parametrize("agent", RESUMING)
async def test_a_second_task_goes_on_in_the_same_session(
    fleet: Fleet, edited: dict[str, str], resumed: dict[str, str], agent: str
) -> None:
    """SQ-11: the conversation so far is sent along."""
    first, second = await fleet.ended(edited[agent]), await fleet.ended(resumed[agent])
    attempts = await fleet.attempts(resumed[agent])
    assert (second["state"], second["output"]) == ("succeeded", "I remember."), attempts
    assert second["attempt"]["run"]["session"] == first["attempt"]["run"]["session"]
    logged = await assert_books_agree(fleet, resumed[agent], f"{agent}.more")
    begun = next(call for call in fleet.models.calls if call.run == f"{agent}.edit" and call.tools)
    went_on = next(call for call in logged if call.tools)
    assert _given(went_on) > _given(begun)


def _given(call: Any) -> int:
    return int(call.usage.input + call.usage.cache_read + call.usage.cache_write)


@pytest.mark.parametrize("agent", PROGRAMS)
async def test_what_it_asks_is_allowed_or_denied_by_a_person(
    fleet: Fleet, asking: tuple[str, dict[str, str]], agent: str
) -> None:
    """SW-1a: it waits for the answer; an allowed command runs, a denied one does not."""
    verdict, idents = asking
    ident, repository = idents[agent], fleet.place(f"{verdict}-{agent}")
    asked = await fleet.asked(ident)
    assert f"touch {verdict}ed.txt" in asked["document"]["command"]
    assert (await fleet.task(ident))["state"] == "running"
    await fleet.answer(asked, verdict=verdict)
    await fleet.ended(ident)
    # Without a change there is no branch.
    branch = git(repository, "branch", "--list", f"muster/{ident}").strip()
    made = git(repository, "ls-tree", "--name-only", branch) if branch else ""
    assert (f"{verdict}ed.txt" in made) == (verdict == "allow")
    settled = await fleet.client.get(f"/approvals/{asked['id']}")
    meant = {"allow": "allow_once", "deny": "reject_once"}[verdict]
    assert (settled["state"], settled["answer"]["kind"]) == ("answered", meant)
    await assert_books_agree(fleet, ident, f"{agent}.{verdict}")


@pytest.mark.parametrize("agent", PROGRAMS)
async def test_cancelled_at_work_nothing_of_it_is_left(fleet: Fleet, agent: str) -> None:
    """OD-2: neither the agent nor what it started; what it had done is on its branch.

    One after the other: agents wait for a command for 10 s (Codex) to two minutes only, and are cancelled meanwhile.
    """
    nap = NAPS[agent]
    repository = fleet.repository(f"cancel-{agent}")
    prompt = marker(
        {"calls": [{"shell": {"command": "echo half > half.txt"}}]},
        {"calls": [{"shell": {"command": f"({nap} &); {nap}"}}]},
        {"final": "never"},
        run=f"{agent}.cancel",
    )
    ident = await fleet.submit(PROGRAMS[agent], repository, prompt)

    def sleepers() -> list[str]:
        return [line for line in processes(nap) if line.startswith("sleep")]

    await eventually(lambda: len(sleepers()) == 2, timeout=200, step=0.1)
    attempt = (await fleet.attempts(ident))[0]["id"]
    assert processes(attempt)
    await fleet.client.post(f"/tasks/{ident}/cancel")
    await eventually(lambda: not sleepers(), timeout=10)
    await eventually(lambda: f"muster/{ident}" in git(repository, "branch", "--list", "muster/*"), timeout=30)
    assert git(repository, "show", f"muster/{ident}:half.txt") == "half"
    assert (await fleet.ended(ident))["state"] == "cancelled"
    await eventually(lambda: not processes(attempt), timeout=10)


async def test_ten_of_all_kinds_at_once_do_not_meet(fleet: Fleet) -> None:
    """SW-9: ten in parallel on one repository, each with its own branch and its own account."""
    repository = fleet.repository("ten")
    idents = dict[str, str]()
    for number in range(10):
        program: Program = list(PROGRAMS.values())[number % len(PROGRAMS)]
        name = f"{program.agent}.{number}"
        steps = (
            {"calls": [{"write": {"path": "mine.txt", "content": f"{number}\n"}}]},
            {"calls": [{"shell": {"command": "cat mine.txt > copy.txt"}}]},
            {"final": f"I am {number}."},
        )
        idents[name] = await fleet.submit(program, repository, marker(*steps, run=name))
    for number, (name, ident) in enumerate(idents.items()):
        task = await fleet.ended(ident)
        assert (task["state"], task["output"]) == ("succeeded", f"I am {number}."), await fleet.attempts(
            ident
        )
        for file in ("mine.txt", "copy.txt"):
            assert git(repository, "show", f"muster/{ident}:{file}") == f"{number}"
        await assert_books_agree(fleet, ident, name)
    spans = [(await fleet.attempts(ident))[0] for ident in idents.values()]
    begun, ended = (max(span["claimed_at"] for span in spans), min(span["finished_at"] for span in spans))
    assert begun < ended, "not all at once"
    traces = {call["trace_id"] for ident in idents.values() for call in await fleet.calls(ident)}
    mine = [call for call in fleet.models.calls if call.run in idents]
    assert len(mine) >= 30
    assert {call.trace_id for call in mine} <= traces
