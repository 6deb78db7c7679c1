"""What every sandbox driver does, whatever its isolation."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from muster.sandboxes import cgroup
from muster.sandboxes.sandbox import (
    MB,
    Ending,
    ExitStatus,
    Health,
    Limits,
    SandboxError,
    SandboxSpec,
    WorkdirMissing,
)
from tests.sandboxes.bench import Bench, children_of, command_of, marker
from tests.waiting import eventually

DAEMON = """
(setsid bash -c '(setsid sleep {marker} >/dev/null 2>&1 &) ; exec sleep 0' >/dev/null 2>&1 &)
python3 - <<'END'
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for fd in (0, 1, 2):
            os.close(fd)
        os.execvp("sleep", ["sleep", "{marker}"])
    os._exit(0)
os.wait()
END
"""


async def test_a_program_runs_in_its_working_directory_and_its_output_and_status_come_back(
    bench: Bench,
) -> None:
    """SW-4f"""
    status = await bench.run("pwd; echo problem >&2; cat > made; exit 3", stdin=b"given")
    assert status == ExitStatus(code=3)
    assert bench.said == f"{bench.work}\n"
    assert bench.err == b"problem\n"
    assert (bench.work / "made").read_text() == "given"


async def test_files_belong_to_the_user_who_runs_the_worker(bench: Bench) -> None:
    """SW-4f"""
    await bench.run("mkdir d; echo x > d/f")
    assert (bench.work / "d" / "f").stat().st_uid == os.getuid()
    assert (bench.work / "d" / "f").stat().st_gid == os.getgid()


async def test_only_the_given_environment_is_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """SW-4f"""
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    await bench.run("env; cat /proc/$PPID/environ 2>/dev/null; true", env={"GIVEN": "yes"})
    names = {line.partition("=")[0] for line in bench.said.replace("\0", "\n").splitlines()}
    assert "GIVEN" in names
    assert "PROVIDER_KEY" not in names
    assert names <= {
        *(
            "GIVEN",
            "HOME",
            "LANG",
            "LOGNAME",
            "OLDPWD",
            "PATH",
            "PWD",
            "SHELL",
            "SHLVL",
            "TMPDIR",
            "USER",
            "_",
        ),
    }


async def test_home_and_temporary_folder_are_private_and_gone_afterwards(bench: Bench) -> None:
    """SW-4f"""
    sandbox = await bench.open()
    status = await bench.run('echo 1 > "$HOME/a" && echo 2 > "$TMPDIR/b" && echo $HOME', sandbox=sandbox)
    assert status.ok
    assert Path(bench.said.strip()) == sandbox.home
    await sandbox.close()
    assert not sandbox.home.exists()


async def test_a_program_that_is_not_there_ends_with_127(bench: Bench) -> None:
    """SW-4e"""
    sandbox = await bench.open()
    status = await sandbox.exec(["no-such-program"], env={}, on_output=bench.keep)
    assert status == ExitStatus(code=127)
    assert b"no-such-program: not found" in bench.err


async def test_a_program_over_its_time_is_stopped(bench: Bench) -> None:
    """SW-4f: wall time"""
    name = marker()
    started = time.monotonic()
    status = await bench.run(f"echo begun; sleep {name}", timeout=0.3 if bench.starts_at_once else 4)
    assert status.reason is Ending.TIMEOUT
    assert bench.said == "begun\n"
    assert time.monotonic() - started < 14
    assert bench.left(name) == []


async def test_a_kill_asks_first_and_then_ends_everything(bench: Bench) -> None:
    """OD-2"""
    name = marker()
    sandbox = await bench.open(grace_seconds=1 if bench.starts_at_once else 5)
    trapped = f"trap 'echo asked; exit 9' TERM; echo ready; sleep {name} & wait"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(trapped, sandbox=sandbox))
        await eventually(lambda: "ready" in bench.said)
        sandbox.kill()
        status = await running
    assert status == ExitStatus(code=9, reason=Ending.KILLED)
    assert "asked" in bench.said
    assert bench.left(name) == []


async def test_a_program_that_ignores_the_request_is_killed_after_the_grace(bench: Bench) -> None:
    """OD-2"""
    name = marker()
    sandbox = await bench.open(grace_seconds=0.2)
    stubborn = f"trap '' TERM; echo ready; sleep {name}; sleep {name}"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(stubborn, sandbox=sandbox))
        await eventually(lambda: "ready" in bench.said)
        sandbox.kill()
        status = await running
    assert status.reason is Ending.KILLED
    assert bench.left(name) == []


async def test_a_background_daemon_does_not_outlive_a_kill(bench: Bench) -> None:
    """OD-2: setsid and a double fork do not help"""
    name = marker()
    sandbox = await bench.open(grace_seconds=0.2)
    async with asyncio.TaskGroup() as group:
        script = DAEMON.format(marker=name) + f"echo ready; sleep {name}"
        running = group.create_task(bench.run(script, sandbox=sandbox))
        await eventually(lambda: "ready" in bench.said)
        await eventually(lambda: bench.runs(name, 3))
        sandbox.kill()
        await running
    assert bench.left(name) == []


async def test_a_background_daemon_does_not_outlive_the_end_of_the_program(bench: Bench) -> None:
    """SW-4f"""
    name = marker()
    status = await bench.run(DAEMON.format(marker=name) + "echo ready")
    assert status.ok
    assert bench.left(name) == []


async def test_an_abandoned_exec_leaves_nothing(bench: Bench) -> None:
    """SW-4f"""
    name = marker()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(DAEMON.format(marker=name) + f"echo ready; sleep {name}"))
        await eventually(lambda: "ready" in bench.said)
        running.cancel()
    assert bench.left(name) == []


@pytest.mark.parametrize("victim", ["worker", "keeper"])
async def test_nothing_outlives_a_worker_that_is_killed(bench: Bench, victim: str) -> None:
    """SW-4h: kill -9 of the worker process; of its process keeper first as well"""
    name = marker()
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("lone_worker.py")),
        bench.driver.level,
        str(bench.work),
        str(bench.scratch),
        name,
        DAEMON.format(marker=name) + f"echo ready > ready; trap '' TERM; sleep {name}",
        str(bench.warm),
    )
    await eventually((bench.work / "ready").exists)
    await eventually(lambda: bench.runs(name, 3))
    if victim == "keeper":
        for pid in children_of(worker.pid):
            os.kill(pid, signal.SIGKILL)
    worker.kill()
    await worker.wait()
    await eventually(lambda: bench.left(name) == [], timeout=2)
    for group in cgroup.existing(cgroup.writable_parents(), f"muster-test-{name}"):
        await eventually(group.remove)
    await bench.driver.forget(f"test-{name}")


async def test_a_supervisor_that_is_killed_takes_its_program_along(bench: Bench) -> None:
    """SW-4h"""
    name = marker()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(DAEMON.format(marker=name) + f"echo ready; sleep {name}"))
        await eventually(lambda: "ready" in bench.said)
        [keeper] = [pid for pid in children_of(os.getpid()) if b"supervise.py" in command_of(pid)]
        for supervisor in children_of(keeper):
            os.kill(supervisor, signal.SIGKILL)
        status = await running
    assert status.reason is Ending.LOST
    await eventually(lambda: bench.left(name) == [], timeout=2)


async def test_a_sandbox_whose_supervisor_hangs_is_given_up(bench: Bench) -> None:
    """SW-4h: it would hang until the time of its program is over, or for ever"""
    name = marker()
    sandbox = await bench.open()
    assert await sandbox.health() is Health.IDLE

    async def begun() -> bool:
        """Its supervisor has told so; the program may be faster."""
        return (await sandbox.stats()).processes > 0

    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(f"echo ready; sleep {name}", sandbox=sandbox))
        await eventually(lambda: "ready" in bench.said)
        await eventually(begun)
        assert await sandbox.health() is Health.WELL
        [keeper] = [pid for pid in children_of(os.getpid()) if b"supervise.py" in command_of(pid)]
        below = [pid for pid in children_of(keeper) if children_of(pid)]
        # Beside it stand those that wait. gVisor's programs do not show on the host, but none waits there.
        [supervisor] = below if len(below) == 1 else [pid for pid in below if runs_below(pid, name)]
        os.kill(supervisor, signal.SIGSTOP)
        assert await sandbox.health(0.5) is Health.LOST
        status = await running
    assert status.reason is Ending.LOST
    assert await sandbox.health() is Health.IDLE
    await eventually(lambda: bench.left(name) == [], timeout=2)


def runs_below(pid: int, name: str) -> bool:
    """Whether a descendant of a process has `name` in its arguments."""
    return any(name.encode() in command_of(child) or runs_below(child, name) for child in children_of(pid))


async def test_output_beyond_the_limit_stops_the_program(bench: Bench) -> None:
    """SW-4f: output bytes"""
    status = await bench.run("yes", limits=Limits(output_bytes=2 * MB))
    assert status.reason is Ending.OUTPUT_LIMIT
    assert len(bench.out) == 2 * MB


async def test_binary_output_comes_through_unchanged(bench: Bench) -> None:
    """SW-4f"""
    await bench.run(r"printf '\000\377\n\033[31m'")
    assert bench.out == b"\x00\xff\n\x1b[31m"


async def test_a_file_over_the_limit_cannot_be_written(bench: Bench) -> None:
    """SW-4f: file size"""
    status = await bench.run("head -c 3000000 /dev/zero > hog", limits=Limits(file_bytes=MB))
    assert status.reason is Ending.FILE_LIMIT
    assert (bench.work / "hog").stat().st_size == MB


async def test_processor_time_over_the_limit_ends_the_program(bench: Bench) -> None:
    """SW-4f: CPU seconds"""
    status = await bench.run("while :; do :; done", limits=Limits(cpu_seconds=1))
    assert status.reason is Ending.CPU_LIMIT


async def test_a_memory_hog_is_ended(bench: Bench) -> None:
    """SW-4f: memory"""
    hog = "python3 -c 'a = [bytearray(b\"x\" * 1_000_000) for _ in range(400)]; print(len(a))'"
    status = await bench.run(hog, limits=Limits(memory_bytes=64 * MB))
    assert not status.ok
    assert status.reason is Ending.OOM
    assert bench.said == ""


async def test_a_fork_bomb_stays_below_its_limit_and_is_ended(bench: Bench) -> None:
    """SW-4f: number of processes"""
    name = marker()
    bomb = f"for i in $(seq 200); do sleep {name} & done; sleep {name}"
    status = await bench.run(bomb, limits=Limits(processes=20), timeout=1 if bench.starts_at_once else 5)
    assert status.reason in {Ending.PROCESS_LIMIT, Ending.TIMEOUT}
    assert bench.left(name) == []


async def test_several_programs_run_at_once_without_mixing(bench: Bench) -> None:
    """SW-4f"""
    outputs: dict[int, bytearray] = {number: bytearray() for number in range(8)}

    async def one(number: int) -> ExitStatus:
        sandbox = await bench.open(scratch=bench.scratch / str(number))
        return await sandbox.exec(
            ["bash", "-c", f"echo {number}; exit {number}"],
            env={},
            on_output=lambda _, data: outputs[number].extend(data),
        )

    for number in outputs:
        (bench.scratch / str(number)).mkdir()
    statuses = await asyncio.gather(*map(one, outputs))
    assert [status.code for status in statuses] == list(outputs)
    assert {number: int(output) for number, output in outputs.items()} == {n: n for n in outputs}


@pytest.mark.parametrize("problem", ["gone", "file", "relative"])
async def test_an_unusable_working_directory_is_refused_before_anything_starts(
    bench: Bench, problem: str
) -> None:
    """OD-4"""
    path = {"gone": bench.work / "gone", "file": bench.work / "file", "relative": Path("work")}[problem]
    (bench.work / "file").write_text("")
    with pytest.raises(WorkdirMissing, match=str(path)):
        await bench.driver.open(SandboxSpec(name="test-refused", working_dir=path, scratch=bench.scratch))


async def test_closing_twice_and_killing_after_close_do_no_harm(bench: Bench) -> None:
    """SW-4f"""
    sandbox = await bench.open()
    await sandbox.close()
    await sandbox.close()
    sandbox.kill()
    assert (await bench.run("true", sandbox=sandbox)).reason is Ending.KILLED


async def test_the_reported_quotas_name_what_enforces_them(bench: Bench) -> None:
    """SW-4f"""
    capabilities = await bench.driver.probe()
    always = {"memory", "processes", "file", "disk", "cpu_seconds", "wall_seconds", "output"}
    assert always == set(capabilities.quotas) - {"cpus"}


async def test_a_closed_driver_starts_nothing_more(bench: Bench) -> None:
    """SW-4h: a keeper started after the end would be an orphan."""
    await bench.run("true")
    await bench.driver.close()
    with pytest.raises(SandboxError, match="closed"):
        await bench.run("true")
