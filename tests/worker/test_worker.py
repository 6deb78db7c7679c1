"""The worker against a server in memory: claims, runs, reports, and survives what happens around it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from muster.client.client import Client
from muster.client.errors import ApiError, Unreachable
from muster.client.http import HttpTransport
from muster.client.in_process import InProcessTransport
from muster.client.wire import (
    ClaimAnswer,
    ClaimRequest,
    CompleteRequest,
    Directive,
    EarlierAttempt,
    FailRequest,
)
from muster.sandboxes.sandbox import Driver, Sandbox, SandboxSpec
from muster.worker.isolation import Isolation
from muster.worker.options import WorkerOptions
from muster.worker.worker import Worker
from tests.client.serving import Serving
from tests.sandboxes.bench import marker, processes_with
from tests.waiting import eventually
from tests.worker.conftest import Crew
from tests.worker.fake_server import FakeServer, Refused


async def test_a_script_is_claimed_run_and_completed(
    crew: Crew, server: FakeServer, any_driver: Driver
) -> None:
    """SQ-8"""
    await crew.start(any_driver)
    script = "echo hello; echo trouble >&2; pwd; echo made > made"
    attempt = await server.submit(payload={"script": script}, working_dir=str(crew.work))
    end = await server.end(attempt)
    assert isinstance(end, CompleteRequest)
    assert (end.exit_code, end.sandbox) == (0, any_driver.level)
    assert end.output == f"hello\n{crew.work}"
    assert server.text(attempt, "stdout") == f"hello\n{crew.work}"
    assert server.text(attempt, "stderr") == "trouble"
    assert (crew.work / "made").read_text() == "made\n"


async def test_python_and_commands_run_too(crew: Crew, server: FakeServer, any_driver: Driver) -> None:
    """SQ-8"""
    await crew.start(any_driver)
    first = await server.submit(
        "python",
        payload={"script": "import sys; print(sys.argv[1:], input())", "args": ["a b"], "stdin": "given"},
    )
    second = await server.submit("command", payload={"argv": ["printf", "%s", "plain"]})
    assert (await server.end(first)).output == "['a b'] given"
    assert (await server.end(second)).output == "plain"


async def test_a_script_knows_its_task_and_nothing_of_the_worker(
    crew: Crew, server: FakeServer, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQ-8"""
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    await crew.start(driver)
    earlier = [EarlierAttempt(number=1, state="failed", agent_id="a", code="timeout", error="too slow")]
    payload = {
        "script": "env",
        "env": {"OWN": "1", "MUSTER_TASK_ID": "forged"},
        "inputs": {"dry-run": True, "n": "x"},
    }
    attempt = await server.submit(number=2, payload=payload, earlier_attempts=earlier)
    output = (await server.end(attempt)).output or ""
    variables = dict(line.partition("=")[::2] for line in output.splitlines())
    assert variables["MUSTER_TASK_ID"].startswith("tsk_")
    assert variables["MUSTER_ATTEMPT_ID"] == attempt
    assert variables["MUSTER_ATTEMPT_NUMBER"] == "2"
    assert (variables["MUSTER_PROJECT"], variables["MUSTER_QUEUE"]) == ("default", "main")
    assert (variables["MUSTER_INPUT_DRY_RUN"], variables["MUSTER_INPUT_N"]) == ("true", "x")
    assert '"code":"timeout"' in variables["MUSTER_EARLIER_ATTEMPTS"]
    assert variables["OWN"] == "1"
    assert "PROVIDER_KEY" not in variables


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"payload": {"script": "echo oh >&2; exit 4"}}, "exit_nonzero", "status 4: oh"),
        ({"payload": {"script": "kill -SEGV $$"}}, "killed_by_signal", "signal 11"),
        ({"payload": {"script": "sleep 60"}, "timeout_seconds": 0.3}, "timeout", "longer than 0.3 s"),
        ({"payload": {"script": "yes", "limits": {"output_mb": 1}}}, "output_limit", "output_mb"),
        ({"payload": {"script": "head -c 2000000 /dev/zero > f", "limits": {"file_mb": 1}}}, "file_limit", "file_mb"),
        ({"payload": {"script": "exit 0"}, "working_dir": "/no/such"}, "workdir_missing", "/no/such"),
        ({"payload": {}}, "bad_payload", "either script"),
        ({"payload": {"script": "a", "typo": 1}}, "bad_payload", "payload.typo"),
        ({"payload": {"path": "gone.sh"}}, "script_missing", "gone.sh"),
        ({"payload": {"path": "../../etc/passwd"}}, "script_missing", "neither in"),
        ({"payload": {"path": "/etc/passwd"}}, "script_missing", "neither in"),
        ({"payload": {"script": "true"}, "required_files": ["report.md"]}, "missing_files", "report.md"),
        ({"payload": {"script": "true"}, "required_files": ["/etc/passwd"]}, "missing_files", "/etc/passwd"),
        ({"payload": {"script": "true"}, "acceptance_command": "echo red >&2; false"}, "acceptance_failed", "red"),
        ({"payload": {"script": "true"}, "output_schema": {"type": "object"}}, "schema_mismatch", "no output"),
        ({"payload": {"script": "echo nope"}, "output_schema": {}}, "schema_mismatch", "not JSON"),
        ({"payload": {"script": "echo [1]"}, "output_schema": {}}, "schema_mismatch", "a list"),
        (
            {
                "payload": {"script": "echo '{\"n\": \"x\"}'"},
                "output_schema": {"properties": {"n": {"type": "integer"}}},
            },
            "schema_mismatch",
            "result.n: 'x' is not of type 'integer'",
        ),
        ({"payload": {"script": "echo {}"}, "output_schema": {"$ref": "http://127.0.0.1:9/x"}}, "schema_mismatch", ""),
        ({"payload": {"script": "echo '{' > $MUSTER_RESULT_FILE"}}, "schema_mismatch", "result file"),
        ({"payload": {"script": "ln -s /etc/passwd $MUSTER_RESULT_FILE"}}, "schema_mismatch", "cannot be read"),
        ({"payload": {"script": "mkfifo $MUSTER_RESULT_FILE"}}, "schema_mismatch", "not a file"),
    ],
)  # fmt: skip
async def test_a_failure_has_its_code_and_says_why(
    crew: Crew, server: FakeServer, driver: Driver, fields: dict[str, object], code: str, message: str
) -> None:
    """SW-4e"""
    await crew.start(driver)
    end = await server.end(await server.submit(**{"working_dir": str(crew.work), **fields}))
    assert isinstance(end, FailRequest)
    assert end.code == code
    assert message in end.message


async def test_results_cost_and_tokens_come_from_the_result_file(
    crew: Crew, server: FakeServer, any_driver: Driver
) -> None:
    """SW-4e"""
    await crew.start(any_driver)
    file = '{"output": "done", "result": {"n": 3}, "cost_usd": 0.12, "tokens": {"input_tokens": 5}}'
    attempt = await server.submit(
        payload={"script": f"echo noise; echo '{file}' > $MUSTER_RESULT_FILE"},
        output_schema={"required": ["n"]},
    )
    end = await server.end(attempt)
    assert isinstance(end, CompleteRequest)
    assert (end.output, end.result, end.cost_usd) == ("done", {"n": 3}, 0.12)
    assert end.usage is not None
    assert end.usage.input_tokens == 5


async def test_a_failed_script_still_says_what_it_cost(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4e"""
    await crew.start(driver)
    script = "echo '{\"cost_usd\": 0.5}' > $MUSTER_RESULT_FILE; exit 1"
    end = await server.end(await server.submit(payload={"script": script}))
    assert (end.cost_usd, end.exit_code) == (0.5, 1)


async def test_the_last_line_of_output_is_the_result_when_a_schema_is_declared(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4e"""
    await crew.start(driver)
    attempt = await server.submit(payload={"script": "echo working; echo '{\"ok\": true}'"}, output_schema={})
    end = await server.end(attempt)
    assert isinstance(end, CompleteRequest)
    assert end.result == {"ok": True}


async def test_the_acceptance_command_runs_in_the_same_place(
    crew: Crew, server: FakeServer, any_driver: Driver
) -> None:
    """SW-4e"""
    await crew.start(any_driver)
    attempt = await server.submit(
        payload={"script": "echo 1 > made"},
        required_files=["made"],
        acceptance_command="grep -q 1 made && echo fine",
    )
    assert isinstance(await server.end(attempt), CompleteRequest)
    assert server.text(attempt, "system") == "acceptance: grep -q 1 made && echo fine"
    assert "fine" in server.text(attempt)


async def test_a_script_of_the_working_directory_or_a_script_folder_is_run_by_path(
    crew: Crew, server: FakeServer, any_driver: Driver
) -> None:
    """SQ-7"""
    folder = crew.folder / "scripts"
    folder.mkdir()
    (folder / "far.sh").write_text('echo far "$1"')
    (crew.work / "near.sh").write_text("echo near")
    await crew.start(any_driver, script_dirs=[folder])
    near = await server.submit(payload={"path": "near.sh"}, working_dir=str(crew.work))
    far = await server.submit(payload={"path": str(folder / "far.sh"), "args": ["x"]})
    assert (await server.end(near)).output == "near"
    assert (await server.end(far)).output == "far x"


async def test_exactly_its_capacity_runs_at_once(crew: Crew, server: FakeServer, driver: Driver) -> None:
    """SW-4c"""
    await crew.start(driver, capacity=3)
    attempts = [await server.submit(payload={"script": "sleep 0.1"}) for _ in range(9)]
    for attempt in attempts:
        await server.end(attempt)
    assert server.most_running == 3


async def test_the_end_of_one_task_brings_the_next_in_the_same_call(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """MC-2"""
    attempts = [await server.submit(payload={"script": "true"}) for _ in range(5)]
    await crew.start(driver, capacity=1)
    for attempt in attempts:
        await server.end(attempt)
    assert server.calls.count("claims") <= 2


async def test_output_is_seen_while_the_script_runs(crew: Crew, server: FakeServer, driver: Driver) -> None:
    """OD-6"""
    worker, _ = await crew.start(driver)
    attempt = await server.submit(payload={"script": "echo first; sleep 60"})
    await server.until(lambda: server.text(attempt) == "first")
    assert attempt in server.running
    await server.cancel(attempt)
    await eventually(lambda: worker.running == 0)


async def test_a_worker_that_is_older_than_its_server_carries_out_what_it_knows(
    crew: Crew, server: FakeServer, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """OD-2: a directive of a kind that came later is ignored, and said once"""
    worker, _ = await crew.start(driver)
    attempt = await server.submit(payload={"script": "echo begun; sleep 60"})
    await server.until(lambda: server.text(attempt) == "begun")
    later: Any = "teleport"
    server.also = [Directive(kind=later, attempt_id=attempt)]
    await server.cancel(attempt)
    await eventually(lambda: worker.running == 0, timeout=30)
    said = [record for record in caplog.records if "teleport" in record.getMessage()]
    assert [record.levelname for record in said] == ["WARNING"]


async def test_a_cancel_ends_every_process_within_two_seconds(
    crew: Crew, server: FakeServer, any_driver: Driver
) -> None:
    """OD-2"""
    name = marker()
    worker, _ = await crew.start(any_driver)
    attempt = await server.submit(
        payload={
            "script": f"echo begun; (setsid sleep {name} &); trap 'echo late words; exit' TERM; sleep {name} & wait"
        }
    )
    await server.until(lambda: server.text(attempt) == "begun")
    await eventually(lambda: len(processes_with(name)) >= 2)
    await server.cancel(attempt)
    asked = time.monotonic()
    await eventually(lambda: processes_with(name) == [])
    assert time.monotonic() - asked < 2
    await eventually(lambda: worker.running == 0)
    assert "late words" in server.text(attempt)
    assert attempt not in server.finished


async def test_a_cancel_is_heard_at_once_while_another_cancelled_program_still_ends(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """OD-2: what has been cancelled is not asked about again, so that the answer says nothing old."""
    worker, _ = await crew.start(driver)
    stubborn = await server.submit(payload={"script": "trap '' TERM; echo begun; while :; do sleep 1; done"})
    other = await server.submit(payload={"script": "echo begun; sleep 20"})
    await server.until(lambda: server.text(stubborn) == server.text(other) == "begun")

    def named() -> set[str]:
        return {lease.attempt_id for lease in server.heartbeats[-1].leases}

    await eventually(lambda: named() == {stubborn, other})
    await server.cancel(stubborn)
    await eventually(lambda: named() == {other})
    heard = len(server.heartbeats)
    assert worker.running == 2
    await server.cancel(other)
    await eventually(lambda: worker.running == 0)
    assert len(server.heartbeats) <= heard + 2


async def test_a_lease_that_is_lost_ends_its_program(crew: Crew, server: FakeServer, driver: Driver) -> None:
    """MC-2"""
    name = marker()
    worker, _ = await crew.start(driver)
    attempt = await server.submit(payload={"script": f"echo begun; sleep {name}"})
    await server.until(lambda: server.text(attempt) == "begun")
    await server.take_back(attempt)
    await eventually(lambda: processes_with(name) == [])
    await eventually(lambda: worker.running == 0)
    assert attempt not in server.finished


async def test_a_refused_line_of_output_ends_the_program(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """MC-2"""
    name = marker()
    worker, _ = await crew.start(driver)

    def refuse(path: str) -> None:
        if path.endswith("/record"):
            raise Refused(409, "lease_lost")

    server.trouble = refuse
    attempt = await server.submit(payload={"script": f"echo begun; sleep {name}"})
    await server.until(lambda: attempt in server.running)
    await eventually(lambda: worker.running == 0)
    assert processes_with(name) == []


async def test_a_lost_connection_loses_nothing(crew: Crew, server: FakeServer, driver: Driver) -> None:
    """SW-4c"""
    await crew.start(driver)
    broken = {"record": 3, "complete": 2}

    def fail(path: str) -> None:
        verb = path.rpartition("/")[2]
        if broken.get(verb, 0) > 0:
            broken[verb] -= 1
            raise Unreachable(address="test", problem="gone")

    server.trouble = fail
    attempt = await server.submit(payload={"script": "for i in $(seq 120); do echo $i; done"})
    assert isinstance(await server.end(attempt), CompleteRequest)
    assert server.text(attempt) == "\n".join(map(str, range(1, 121)))
    assert broken == {"record": 0, "complete": 0}


async def test_lines_whose_answer_was_lost_are_not_repeated(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4c"""
    await crew.start(driver)
    keep, lost = server.record, []

    async def forgetful(attempt_id: str, request: object) -> object:
        answer = await keep(attempt_id, request)  # pyright: ignore[reportArgumentType]
        if len(lost) < 2:
            lost.append(answer)
            raise Refused(503, "store_unavailable")
        return answer

    server.record = forgetful  # pyright: ignore[reportAttributeAccessIssue]
    attempt = await server.submit(payload={"script": "echo a; echo b; sleep 0.3; echo c"})
    await server.end(attempt)
    assert server.text(attempt) == "a\nb\nc"
    assert len(lost) == 2


async def test_a_draining_worker_finishes_what_it_has_and_takes_no_more(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4h"""
    worker, task = await crew.start(driver, capacity=1)
    attempt = await server.submit(payload={"script": "echo begun; sleep 0.3; echo done"})
    waiting = await server.submit(payload={"script": "true"})
    await server.until(lambda: server.text(attempt) == "begun")
    worker.drain()
    async with asyncio.timeout(10):
        await task
    assert isinstance(server.finished[attempt], CompleteRequest)
    assert waiting not in server.finished
    assert server.heartbeats[-1].leaving


async def test_a_task_that_comes_as_a_worker_is_told_to_end_is_not_run(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4h: it is given back, or its claim never arrived and the server takes it back"""
    worker, task = await crew.start(driver, capacity=2)
    give = server.claim

    async def claim_and_drain(request: ClaimRequest, receive: object) -> ClaimAnswer:
        answer = await give(request, receive)
        if answer.claims:
            worker.drain()
        return answer

    server.claim = claim_and_drain  # pyright: ignore[reportAttributeAccessIssue]
    attempt = await server.submit(payload={"script": "true"})
    async with asyncio.timeout(10):
        await task
    end = server.finished.get(attempt)
    assert end is None or (isinstance(end, FailRequest) and end.code == "released")


async def test_a_drain_that_takes_too_long_gives_the_task_back(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4h"""
    worker, task = await crew.start(driver, drain_seconds=0.1)
    attempt = await server.submit(payload={"script": "echo begun; sleep 60"})
    await server.until(lambda: server.text(attempt) == "begun")
    worker.drain()
    async with asyncio.timeout(10):
        await task
    end = server.finished[attempt]
    assert isinstance(end, FailRequest)
    assert end.code == "released"


async def test_the_server_can_ask_a_worker_to_drain(crew: Crew, server: FakeServer, driver: Driver) -> None:
    """SW-4h"""
    _, task = await crew.start(driver)
    await server.ask_to_drain()
    async with asyncio.timeout(10):
        await task


async def test_a_claim_that_is_refused_ends_the_worker_with_the_reason(
    server: FakeServer, driver: Driver, crew: Crew
) -> None:
    """OD-42"""

    def refuse(path: str) -> None:
        if path == "claims":
            raise Refused(404, "not_found")

    server.trouble = refuse
    options = WorkerOptions(worker_id="w", agent_id="a", state_dir=crew.folder / "other", queues=["nowhere"])
    with pytest.raises(ApiError, match="not_found"):
        await Worker(Client(InProcessTransport(server)), Isolation(driver), options).run()


async def test_over_http_a_restart_of_the_server_is_survived(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """SW-4c"""
    serving = Serving(server)
    await serving.start()
    transport = HttpTransport(serving.url)
    worker, task = await crew.start(driver, transport=transport)
    attempt = await server.submit(payload={"script": "echo begun; sleep 0.5; echo done"})
    await server.until(lambda: server.text(attempt) == "begun")
    await serving.stop()
    await serving.start()
    assert isinstance(await server.end(attempt), CompleteRequest)
    assert server.text(attempt) == "begun\ndone"
    second = await server.submit(payload={"script": "echo again"})
    assert (await server.end(second)).output == "again"
    worker.drain()
    await task
    await transport.close()
    await serving.stop()


async def test_nothing_is_left_of_an_attempt(crew: Crew, server: FakeServer, any_driver: Driver) -> None:
    """SW-4h"""
    await crew.start(any_driver)
    script = "mkdir -p a/b $HOME/c; touch a/b/f $HOME/c/f; chmod -R 0 a $HOME/c; (setsid sleep 60 &)"
    await server.end(await server.submit(payload={"script": script}))
    await crew.stop()
    assert list((crew.folder / "state" / "attempts").iterdir()) == []


class BreakingDriver:
    """A driver that has a bug: the first sandbox it is asked for breaks it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.level = driver.level
        self.probe, self.close = driver.probe, driver.close
        self._broken = False

    async def open(self, spec: SandboxSpec) -> Sandbox:
        if not self._broken:
            self._broken = True
            async with asyncio.TaskGroup():
                raise FileNotFoundError(2, "No such file or directory", "/nowhere")
        return await self._driver.open(spec)


async def test_a_fault_in_one_attempt_does_not_end_the_others(
    crew: Crew, server: FakeServer, driver: Driver
) -> None:
    """One bug must not take a worker with all its agents down."""
    first = await server.submit(payload={"script": "true"})
    await crew.start(BreakingDriver(driver))
    failed = await server.end(first)
    assert isinstance(failed, FailRequest)
    assert failed.code == "worker_error"
    assert failed.message == "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'"
    second = await server.submit(payload={"script": "true"})
    assert isinstance(await server.end(second), CompleteRequest)
