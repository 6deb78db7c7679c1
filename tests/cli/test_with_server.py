"""The verbs against a real server with a real worker (SQ-20, SQ-10)."""

from __future__ import annotations

import json
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.cli.exits import ExitCode
from tests.cli.conftest import Muster
from tests.cli.live import LiveServer

GREET = """# name: greet
# description: Say hello
# inputs:
#   who: string required
#   times: int default=1
# tags: demo
for _ in $(seq "$MUSTER_INPUT_TIMES"); do echo "hello $MUSTER_INPUT_WHO"; done
"""


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("live")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "greet.sh").write_text(GREET)
    live = LiveServer(folder)
    started = live.muster("start", "--json")
    assert started.returncode == 0, started.stderr
    try:
        yield live
    finally:
        stopped = live.muster("stop", "--timeout", "20")
        if stopped.returncode != 0:
            live.muster("stop", "--kill")
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def by_hand(live: Muster) -> str:
    """A queue of this test's own, that no worker takes from."""
    name = f"hand-{secrets.token_hex(4)}"
    assert live("queue", "create", name, "--mode", "manual", "--instructions", "Be kind.").code == 0
    return name


def enqueue(live: Muster, *arguments: str) -> str:
    ended = live("enqueue", "--json", *arguments)
    assert ended.code == 0, ended.err
    return str(ended.json["id"])


def task(live: Muster, identity: str) -> Any:
    return live("task", "--json", identity).json


class TestRunning:
    """Queue, follow, end as the task ended."""

    @pytest.mark.parametrize(
        ("arguments", "code", "out"),
        [
            (["--bash", "echo hi; echo oh >&2; exit 3"], 3, "hi\n"),
            (["--python", "print('from python')"], 0, "from python\n"),
            (["--", "sh", "-c", "echo from a command"], 0, "from a command\n"),
            (["--script", "greet", "-i", "who=you", "-i", "times=2"], 0, "hello you\nhello you\n"),
        ],
    )
    def test_run_shows_the_output_and_ends_with_the_tasks_code(
        self, live: Muster, arguments: list[str], code: int, out: str
    ) -> None:
        ended = live("run", *arguments)
        assert (ended.code, ended.out) == (code, out), ended.err
        if code == 3:
            assert "oh\n" in ended.err

    def test_a_task_that_runs_too_long_ends_with_124(self, live: Muster) -> None:
        assert live("run", "--timeout", "0.5", "--bash", "sleep 60").code == ExitCode.TIMED_OUT

    def test_ctrl_c_cancels_the_task(self, live_server: LiveServer, live: Muster) -> None:
        with live_server.begin("run", "--bash", "echo begun; sleep 60", "--title", "interrupted") as session:
            session.line(lambda line: line == "begun")
            session.process.send_signal(signal.SIGINT)
            assert session.ended() == ExitCode.INTERRUPTED
        assert "was cancelled" in session.errors
        [found] = [row for row in live("tasks", "--json").json if row["title"] == "interrupted"]
        assert found["state"] == "cancelled"

    def test_output_can_be_followed_and_read_again(
        self, live_server: LiveServer, live: Muster, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        gate.mkdir()
        script = "echo one; until [ -e go ]; do sleep 0.05; done; echo two"
        identity = enqueue(live, "--bash", script, "--working-dir", str(gate))
        with live_server.begin("logs", "-f", identity) as session:
            session.line(lambda line: line == "one")
            (gate / "go").touch()
            session.line(lambda line: line == "two")
            assert session.ended() == 0
        assert live("logs", identity).out == "one\ntwo\n"
        assert live("logs", identity, "--tail", "1").out == "two\n"
        lines = [json.loads(line) for line in live("logs", identity, "--json").out.splitlines()]
        assert [(line["attempt"], line["stream"], line["text"]) for line in lines] == [
            (1, "stdout", "one"),
            (1, "stdout", "two"),
        ]

    def test_following_goes_on_after_a_restart_of_the_server(self, tmp_path: Path) -> None:
        other = LiveServer(tmp_path)
        assert other.muster("start", "--no-worker").returncode == 0
        with other.begin("run", "--bash", "echo done") as session:
            session.error(lambda line: line.startswith("waiting"))
            assert other.muster("restart").returncode == 0
            assert session.ended() == 0
        assert session.lines == ["done"]
        assert "No muster server answers" in session.errors or "ended the stream" in session.errors
        assert other.muster("stop").returncode == 0


class TestTasks:
    """List, show, cancel, queue again."""

    def test_tables_are_plain_and_short_ids_work(self, live: Muster, by_hand: str) -> None:
        identity = enqueue(live, "--title", "Call mum", "--queue", by_hand, "--tag", "home")
        listed = live("tasks", "--queue", by_hand)
        heading, row = listed.out.splitlines()
        assert heading.split()[:3] == ["ID", "STATE", "TITLE"]
        assert row.startswith(f"{identity}  ready  Call mum")
        shown = live("task", identity[-8:])
        assert shown.out.splitlines()[0].split() == ["id", identity]
        assert "Call mum" in shown.out

    def test_a_task_is_put_before_and_after_others(self, live: Muster, by_hand: str) -> None:
        """SW-8a"""
        first, second = (enqueue(live, "--title", title, "-q", by_hand) for title in ("a", "b"))
        assert live("move", second, "--before", first).code == 0
        assert live("move", first).code == ExitCode.INVALID
        assert live("claim", by_hand, "--json").json["task_id"] == second

    def test_cancel_and_requeue(self, live: Muster, by_hand: str) -> None:
        first, second = (enqueue(live, "--title", title, "-q", by_hand) for title in ("a", "b"))
        assert live("cancel", first, second, "--reason", "not needed").code == 0
        assert task(live, first)["state"] == "cancelled"
        assert live("requeue", first).code == 0
        assert task(live, first)["state"] == "ready"
        again = live("requeue", first, second)
        assert again.code == ExitCode.FAILED
        assert "1 of 2 were refused" in again.err

    def test_a_rerun_names_the_new_task(self, live: Muster, by_hand: str) -> None:
        old = enqueue(live, "--title", "a", "-q", by_hand)
        ended = live("rerun", old)
        new = live("tasks", "-q", by_hand, "--json").json[0]["id"]
        assert (ended.out, new != old) == (f"Queued anew: {new}, like {old}\n", True)

    def test_logs_say_what_a_task_waits_for_and_which_attempts_there_are(
        self, live: Muster, live_server: LiveServer, by_hand: str
    ) -> None:
        identity = enqueue(live, "--title", "a", "-q", by_hand)
        with live_server.begin("logs", "-f", identity) as session:
            session.error(lambda line: "waiting: queue" in line)
            assert live("cancel", identity).code == 0
            assert session.ended() == 0
        done = live("run", "--json", "--bash", "true").out.splitlines()[-1]
        ended = live("logs", "--attempt", "2", json.loads(done)["id"])
        assert (ended.code, "has no attempt 2; it has 1." in ended.err) == (ExitCode.NOT_FOUND, True)

    def test_what_is_not_there_is_not_found(self, live: Muster) -> None:
        assert live("task", "tsk_0000000000000").code == ExitCode.NOT_FOUND
        assert live("task", "nonsense").code == ExitCode.NOT_FOUND
        assert live("claim", "nowhere").code == ExitCode.NOT_FOUND
        ended = live("queue", "show", "nowhere")
        assert (ended.code, ended.err) == (
            ExitCode.NOT_FOUND,
            "muster: There is no queue nowhere. 'muster queue list' shows them.\n",
        )

    def test_bad_values_are_refused_by_name(self, live: Muster) -> None:
        ended = live("enqueue", "--bash", "true", "--priority", "extreme")
        assert ended.code == ExitCode.INVALID
        assert "priority" in ended.err
        ended = live("enqueue", "--script", "greet", "-i", "times=2")
        assert ended.code == ExitCode.INVALID
        assert "inputs.who: is required by script greet" in ended.err

    def test_many_tasks_from_a_file_depend_on_each_other_across_batches(
        self, live: Muster, by_hand: str, home: Path
    ) -> None:
        lines = [{"title": f"t{n}", "kind": "manual", "key": f"k{n}"} for n in range(250)]
        lines[240]["depends_on"] = ["#k3", "#k230"]  # pyright: ignore[reportArgumentType]
        (home / "tasks.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
        ended = live("enqueue", "--jsonl", "tasks.jsonl", "--queue", by_hand, "--json")
        assert ended.code == 0, ended.err
        ids = ended.json["ids"]
        assert len(ids) == 250
        assert sorted(task(live, ids[240])["depends_on"]) == sorted([ids[3], ids[230]])

    def test_a_bad_line_is_named_and_nothing_is_queued(self, live: Muster, by_hand: str, home: Path) -> None:
        (home / "tasks.jsonl").write_text('{"title": "a", "kind": "manual"}\n{"title": \n')
        ended = live("enqueue", "--jsonl", "tasks.jsonl", "--queue", by_hand)
        assert ended.code == ExitCode.INVALID
        assert "tasks.jsonl line 2: is not JSON" in ended.err
        (home / "tasks.jsonl").write_text(
            '{"title": "a", "kind": "manual"}\n\n{"titel": "b", "kind": "manual"}\n'
        )
        ended = live("enqueue", "--jsonl", "tasks.jsonl", "--queue", by_hand)
        assert ended.code == ExitCode.INVALID
        assert "tasks.jsonl line 3: title: must be given" in ended.err
        assert "tasks.jsonl line 3: titel: is not known here" in ended.err
        assert live("tasks", "--queue", by_hand, "--json").json == []

    def test_tasks_can_come_from_stdin(self, live_server: LiveServer, live: Muster, by_hand: str) -> None:
        ended = live_server.muster(
            "enqueue", "--jsonl", "-", "--queue", by_hand, stdin='{"title": "piped", "kind": "manual"}\n'
        )
        assert ended.stdout == "1 tasks queued\n"

    def test_waiting_tasks_say_why(self, live: Muster) -> None:
        assert live("queue", "create", "halted").code == 0
        assert live("queue", "pause", "halted").code == 0
        identity = enqueue(live, "--bash", "true", "--queue", "halted")
        assert "queue_paused" in live("waiting").out
        assert "paused" in live("task", identity).out
        assert live("queue", "resume", "halted").code == 0


class TestByHand:
    """Claims and the manual worker (SQ-10)."""

    def test_a_claim_is_completed_from_any_shell(
        self, live_server: LiveServer, live: Muster, by_hand: str
    ) -> None:
        identity = enqueue(live, "--prompt", "Read it", "--queue", by_hand)
        claimed = live("claim", by_hand)
        assert f"----- BEGIN PROMPT {identity} -----\nRead it\n" in claimed.out
        done = live_server.muster("complete", identity[-9:], "--output", "fine", "--cost", "0.25")
        assert (done.returncode, done.stdout) == (0, f"{identity} is succeeded\n"), done.stderr
        found = task(live, identity)
        assert (found["state"], found["output"], found["actual_cost_usd"]) == ("succeeded", "fine", 0.25)
        assert live("complete", identity).code == ExitCode.NOT_FOUND

    def test_a_claim_elsewhere_needs_its_lease(self, live: Muster, by_hand: str) -> None:
        identity = enqueue(live, "--title", "x", "--queue", by_hand, "--attempts", "1")
        claim = live("claim", "--task", identity, "--json").json
        assert (
            live("fail", identity, "no", "--attempt", claim["attempt_id"], "--lease", "wrong").code
            == ExitCode.CONFLICT
        )
        ended = live("fail", identity, "no", "--attempt", claim["attempt_id"], "--lease", claim["token"])
        assert ended.out == f"{identity} is failed\n"

    def test_an_empty_queue_says_so(self, live: Muster, by_hand: str) -> None:
        ended = live("claim", by_hand)
        assert ended.code == ExitCode.NOT_FOUND
        assert "No task is ready" in ended.err

    def test_once_prints_instructions_and_one_task(self, live: Muster, by_hand: str) -> None:
        enqueue(live, "--prompt", "first", "--queue", by_hand)
        enqueue(live, "--prompt", "second", "--queue", by_hand)
        ended = live("worker", "run", by_hand, "--once")
        assert ended.code == 0
        assert ended.out.count("Be kind.") == 1
        assert ended.out.count("BEGIN PROMPT") == 1
        assert f"worker-{socket.gethostname()}-{by_hand}" in ended.err

    def test_run_hands_out_the_next_task_when_the_last_was_reported(
        self, live_server: LiveServer, live: Muster, by_hand: str
    ) -> None:
        first, second = (
            enqueue(live, "--prompt", title, "-q", by_hand, "--attempts", "1") for title in ("a", "b")
        )
        with live_server.begin("worker", "run", by_hand, "--run") as session:
            session.line(lambda line: line == f"----- END PROMPT {first} -----")
            assert live("say", first, "a word to the agent ends nothing").code == 0
            assert live("complete", first).code == 0
            session.line(lambda line: line == f"----- END PROMPT {second} -----")
            assert live("fail", second, "cannot", "--code", "agent_error").code == 0
            assert session.ended() == 0
        assert session.lines.count("Be kind.") == 1
        assert f"{first} is running" not in session.errors

    def test_watch_waits_for_work_and_begins_with_what_was_left(
        self, live_server: LiveServer, live: Muster, by_hand: str
    ) -> None:
        with live_server.begin("worker", "run", by_hand, "--watch") as session:
            session.line(lambda line: "Be kind." in line)
            identity = enqueue(live, "--prompt", "late", "--queue", by_hand)
            session.line(lambda line: line == f"----- END PROMPT {identity} -----")
            second = live_server.muster("worker", "run", by_hand, "--once")
            assert second.returncode == ExitCode.CONFLICT
            assert f"process {session.process.pid}" in second.stderr
            session.process.send_signal(signal.SIGINT)
            assert session.ended() == ExitCode.INTERRUPTED
        with live_server.begin("worker", "run", by_hand, "--run") as session:
            session.line(lambda line: "Be kind." in line)
            assert live("complete", identity).code == 0
            assert session.ended() == 0
        assert f"{identity} is succeeded" in session.errors


class TestNouns:
    """Queues, projects, sessions, scripts, agents, status."""

    def test_the_life_of_a_queue(self, live: Muster) -> None:
        assert live("queue", "create", "short", "--concurrency", "2").code == 0
        assert live("queue", "create", "short").code == ExitCode.CONFLICT
        assert live("queue", "edit", "short", "--unlimited", "--instructions", "New.").code == 0
        assert "New." in live("queue", "show", "short").out
        assert live("queue", "edit", "short").code == ExitCode.INVALID
        assert live("queue", "archive", "short").code == 0
        assert "short" not in live("queue", "list").out
        assert "short" in live("queue", "list", "--all").out
        assert live("queue", "unarchive", "short").code == 0
        assert live("queue", "delete", "short").code == 0
        assert live("queue", "show", "short").code == ExitCode.NOT_FOUND

    def test_the_money_of_a_project(self, live: Muster) -> None:
        assert live("project", "create", "site", "--budget", "10").code == 0
        assert live("run", "--bash", "true", "--project", "site", "--estimate", "2").code == 0
        funded = live("project", "allocate", "site", "5", "--note", "more")
        assert "site has $15.00 now" in funded.out
        assert "1 succeeded" in live("project", "show", "site").out
        kinds = [row["kind"] for row in live("project", "ledger", "site", "--json").json]
        assert {"allocated", "reserved"} <= set(kinds)
        assert live("project", "pause", "site").code == 0
        assert "paused" in live("project", "list").out
        assert live("project", "resume", "site").code == 0
        assert live("project", "show", "nope").code == ExitCode.NOT_FOUND
        assert live("project", "delete", "site", "--yes").code == 0

    def test_sessions_begin_and_end(self, live: Muster) -> None:
        made = live("session", "create", "parser", "--context", "second try", "--json").json
        assert "second try" in live("session", "show", made["id"]).out
        assert live("session", "end", made["id"]).code == 0
        assert live("session", "list", "--status", "ended", "--json").json[0]["id"] == made["id"]

    def test_scripts_are_listed_and_read_again(self, live: Muster, live_server: LiveServer) -> None:
        assert "who!" in live("scripts", "hello").out
        assert "who: string required" in live("scripts", "--show", "greet").out
        (live_server.folder / "scripts" / "new.py").write_text("# name: fresh\n")
        (live_server.folder / "scripts" / "bad.py").write_text("# name: fresh one\n")
        ended = live("reload")
        assert ended.out == "2 scripts\n"
        assert "bad.py:1: name 'fresh one'" in ended.err
        (live_server.folder / "scripts" / "bad.py").unlink()

    def test_status_agents_activity_and_workers(self, live: Muster) -> None:
        assert live("run", "--bash", "true").code == 0
        assert live("status", "--json").json["tasks"]["succeeded"] >= 1
        assert "version" in live("status").out
        assert live("worker", "list", "--json").json[0]["live"] is True
        assert live("agents").code == 0
        agents = [found["id"] for found in live("agents", "--json").json]
        records = {agent: live("agents", "show", agent, "--json").json["record"] for agent in agents}
        # Others may have worked only on what another test has purged.
        agent = next(agent for agent, record in records.items() if record["succeeded"] >= 1)
        assert "succeeded" in live("agents", "show", agent).out
        assert live("activity", "--limit", "5").out.count("\n") >= 2

    def test_purge_counts_before_it_removes(self, live: Muster) -> None:
        assert live("run", "--bash", "true").code == 0
        counted = live("purge", "--older-than", "0", "--dry-run", "--json").json
        assert counted["purged"] >= 1
        removed = live("purge", "--older-than", "0", "--yes", "--json").json
        assert removed["purged"] >= counted["purged"]


class TestServing:
    """Start, stop, restart."""

    def test_starting_twice_is_one_server(self, live: Muster, live_server: LiveServer) -> None:
        again = live("start", "--json")
        assert (again.code, again.json["already_running"]) == (0, True)
        up = live_server.muster("up")
        assert up.returncode == ExitCode.CONFLICT
        assert "already runs with this data directory" in up.stderr

    def test_ctrl_c_ends_a_server_in_the_foreground_in_order(self, tmp_path: Path) -> None:
        other = LiveServer(tmp_path)
        with other.begin("up", "--no-worker") as session:
            session.error(lambda line: "is up at" in line)
            session.process.send_signal(signal.SIGINT)
            assert session.ended() in (ExitCode.OK, ExitCode.INTERRUPTED)
        assert not (tmp_path / "data" / "muster.pid").exists()

    def test_a_port_in_use_is_named(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            other = LiveServer(tmp_path, port=taken.getsockname()[1])
            ended = other.muster("start")
        assert ended.returncode == ExitCode.FAILED
        assert str(other.port) in ended.stderr

    def test_the_server_of_another_data_directory_does_not_pass_for_the_one_started(
        self, live_server: LiveServer, tmp_path: Path
    ) -> None:
        ended = LiveServer(tmp_path, port=live_server.port).muster("start")
        assert ended.returncode == ExitCode.FAILED
        assert "with another data directory answers" in ended.stderr

    def test_a_new_database_is_for_its_owner_only(self, live_server: LiveServer) -> None:
        files = (live_server.folder / "data").glob("muster.db*")
        assert {path.name: path.stat().st_mode & 0o077 for path in files if path.stat().st_mode & 0o077} == {}

    def test_restart_keeps_the_work_and_stopping_twice_is_fine(self, tmp_path: Path) -> None:
        other = LiveServer(tmp_path)
        assert other.muster("start", "--no-worker").returncode == 0
        made = json.loads(other.muster("enqueue", "--bash", "true", "--json").stdout)
        assert other.muster("restart", "--no-worker").returncode == 0
        assert json.loads(other.muster("task", made["id"], "--json").stdout)["state"] == "ready"
        assert other.muster("stop").stdout.startswith("Stopped the server")
        assert other.muster("stop").stdout == "No server runs with this data directory.\n"


class TestLookingAfterIt:
    """Verify, back up, restore, look over."""

    def test_a_backup_brings_back_what_was_there(self, tmp_path: Path) -> None:
        other = LiveServer(tmp_path)
        assert other.muster("start", "--no-worker").returncode == 0
        made = json.loads(other.muster("enqueue", "--bash", "true", "--json").stdout)
        assert json.loads(other.muster("verify", "--json").stdout)["ok"] is True
        assert other.muster("backup", "copy.muster").returncode == 0
        assert other.muster("backup", "copy.muster").returncode == ExitCode.INVALID
        checks = json.loads(other.muster("doctor", "--json").stdout)["checks"]
        assert {"name", "status", "message", "remedy"} <= set(checks[0])
        refused = other.muster("restore", "copy.muster", "--yes")
        assert refused.returncode == ExitCode.CONFLICT
        assert "Stop it first: muster stop" in refused.stderr
        assert other.muster("stop").returncode == 0
        assert other.muster("teardown", "--force").returncode == 0
        assert other.muster("restore", "copy.muster", "--yes").returncode == 0
        assert other.muster("start", "--no-worker").returncode == 0
        found = json.loads(other.muster("task", made["id"], "--json").stdout)
        assert other.muster("stop").returncode == 0
        assert (found["state"], found["title"]) == ("ready", "true")
