"""The warm pool: programs in sandboxes that stood before anybody knew what for. What every sandbox has to do is tested
with and without it in the suites beside this one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.sandboxes import cgroup
from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.mounter import VISITING
from muster.sandboxes.sandbox import MB, Ending, ExitStatus, Limits
from muster.sandboxes.stdin import Stdin
from muster.sandboxes.waiting_shell import words
from muster.sandboxes.warm import WarmFigures, WarmPool
from tests.sandboxes.bench import Bench, below, command_of, marker, processes_with
from tests.waiting import eventually

SIZE = 2


@pytest.fixture(params=[None, False], ids=["as this user", "without root"])
async def warm(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of a bubblewrap driver whose pool is full."""
    driver = BubblewrapDriver(warm=SIZE, privileged=request.param)
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    bench = Bench(driver, tmp_path)
    await eventually(lambda: pool_of(bench).ready == SIZE, timeout=20)
    yield bench
    await bench.close()
    await driver.close()


def pool_of(bench: Bench) -> WarmPool:
    assert isinstance(bench.driver, BubblewrapDriver)
    assert bench.driver.warm is not None
    return bench.driver.warm


def figures(bench: Bench) -> WarmFigures:
    return pool_of(bench).figures()


async def test_a_program_runs_in_a_sandbox_that_stood_and_the_next_one_is_made(warm: Bench) -> None:
    """SW-4f"""
    status = await warm.run("pwd; cat; echo problem >&2; exit 3", stdin=b" given")
    assert status == ExitStatus(code=3)
    assert warm.said == f"{warm.work}\n given"
    assert warm.err == b"problem\n"
    told = figures(warm)
    assert (told.served, told.missed) == (1, 0)
    await eventually(lambda: pool_of(warm).ready == SIZE, timeout=20)


async def test_each_sandbox_serves_one_program(warm: Bench) -> None:
    """SW-4f: nothing of the one before is there, not even in the same attempt"""
    sandbox = await warm.open()
    await warm.run("echo one > /tmp/f; echo two > ~/g; sleep 60 &", sandbox=sandbox)
    await warm.run("ls /tmp ~; ls -d /proc/[0-9]* | wc -l", sandbox=sandbox)
    assert "f\n" not in warm.said
    assert "g\n" not in warm.said
    assert figures(warm).served == 2


async def test_a_sandbox_is_taken_when_one_is_opened_and_counts_only_when_something_ran_in_it(
    warm: Bench,
) -> None:
    """SW-4f"""
    sandbox = await warm.open()
    assert (pool_of(warm).ready, figures(warm).served) == (SIZE - 1, 1)
    await sandbox.close()
    assert (figures(warm).served, figures(warm).missed) == (0, 0)
    await eventually(lambda: pool_of(warm).ready == SIZE, timeout=20)


async def test_a_driver_that_closes_lets_go_of_a_sandbox_that_is_still_open(warm: Bench) -> None:
    """SW-4h"""
    sandbox = await warm.open()
    standing = [pid for pid in below(os.getpid()) if b"bwrap" in command_of(pid)]
    assert standing
    await warm.driver.close()
    await eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in standing))
    await sandbox.close()


async def test_a_program_that_starts_in_another_folder_gets_another_sandbox(warm: Bench) -> None:
    """SW-4f: the one that was taken has seen to its own"""
    (warm.work / "below").mkdir()
    sandbox = await warm.open()
    status = await sandbox.exec(["pwd"], env={}, on_output=warm.keep, cwd=warm.work / "below")
    assert status.ok
    assert warm.said == f"{warm.work}/below\n"
    assert figures(warm).served == 2


async def test_a_supervisor_has_few_rights_in_a_sandbox_and_all_of_them_outside(warm: Bench) -> None:
    """SW-6a: it is in the mounts of one that stands, and back before a program runs"""
    name = marker()
    standing = [
        supervisor_of(pid) for pid in set(processes_with("/proc/self/fd/5")) & set(below(os.getpid()))
    ]
    assert standing
    for pid in standing:
        visits = rights_of(pid) != rights_of(os.getpid())
        assert not visits or rights_of(pid) == VISITING
        assert visits == (mounts_of(pid) != mounts_of(os.getpid()))
    task = asyncio.create_task(warm.run(f"sleep {name}"))
    await eventually(lambda: processes_with(f"sleep\0{name}") != [])
    [program] = processes_with(f"sleep\0{name}")
    pid = supervisor_of(program)
    assert (mounts_of(pid), rights_of(pid)) == (mounts_of(os.getpid()), rights_of(os.getpid()))
    assert Path(f"/proc/{pid}/root").readlink() == Path("/proc/self/root").readlink()
    assert mounts_of(program) != mounts_of(pid)
    os.kill(program, signal.SIGKILL)
    await task


def supervisor_of(pid: int) -> int:
    """The supervisor that a process runs below."""
    while b"supervise.py" not in command_of(pid):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    return pid


def rights_of(pid: int) -> int:
    """Capabilities in effect."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("CapEff:")).split()[1], 16)


def mounts_of(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/mnt").readlink())


async def test_an_empty_pool_is_no_hindrance(warm: Bench) -> None:
    """SW-4f"""
    sandboxes = [await warm.open() for _ in range(SIZE + 2)]
    statuses = await asyncio.gather(*(warm.run("echo up; read line", sandbox=each) for each in sandboxes))
    assert [status.code for status in statuses] == [1] * (SIZE + 2)
    assert warm.said == "up\n" * (SIZE + 2)
    assert (figures(warm).served, figures(warm).missed) == (SIZE, 2)


async def test_a_sort_that_is_asked_for_is_kept_from_then_on(warm: Bench) -> None:
    """SW-4f: with a network, and without"""
    await warm.run("readlink /proc/self/ns/net", network=True)
    assert figures(warm).served == 0

    async def served() -> bool:
        await warm.run("readlink /proc/self/ns/net", network=True)
        return figures(warm).served > 0

    await eventually(served, timeout=20)
    assert set(warm.said.split()) == {str(Path("/proc/self/ns/net").readlink())}


async def test_nothing_of_the_host_is_left_once_a_program_runs(warm: Bench, tmp_path: Path) -> None:
    """SW-6a: an ordinary user's sandbox shows the host's root until then"""
    (tmp_path / "secret").write_text("sesame")
    await warm.run(
        f"ls /.host; cat /.host{tmp_path}/secret; cat /proc/*/mountinfo | grep -c '/ /.host'; ls -A /"
    )
    assert "sesame" not in warm.said
    assert warm.said.startswith("0\n")
    assert ".host" not in warm.said


async def test_a_folder_that_was_replaced_meanwhile_is_not_shown_in_its_place(warm: Bench) -> None:
    """SW-6a: what was looked at is what is mounted; a new sandbox looks again"""
    sandbox = await warm.open()
    other = warm.work.with_name("other")
    other.mkdir()
    (other / "f").write_text("other")
    task = asyncio.create_task(warm.run("ls", sandbox=sandbox))
    assert (await task).ok
    assert figures(warm).served == 1
    warm.work.rename(warm.work.with_name("away"))
    other.rename(warm.work)
    await warm.run("ls", sandbox=sandbox)
    assert warm.said == "f\n"


async def test_a_sandbox_that_died_in_the_pool_is_passed_over_and_replaced(warm: Bench) -> None:
    """SW-4h"""
    standing = sorted(set(processes_with("/proc/self/fd/5")) & set(below(os.getpid())))
    assert standing
    for pid in standing:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in standing))
    assert (await warm.run("echo up")).ok
    await eventually(lambda: pool_of(warm).ready == SIZE, timeout=20)
    assert warm.said == "up\n"


async def test_limits_of_the_task_hold(warm: Bench) -> None:
    """SW-4f"""
    hog = "python3 -c 'a = [bytearray(b\"x\" * 1_000_000) for _ in range(400)]; print(len(a))'"
    status = await warm.run(hog, limits=Limits(memory_bytes=64 * MB))
    assert status.reason is Ending.OOM
    status = await warm.run("head -c 3000000 /dev/zero > hog", limits=Limits(file_bytes=MB))
    assert status.reason is Ending.FILE_LIMIT
    assert figures(warm).served == 2


async def test_a_share_of_the_processors_is_left_to_a_new_sandbox(warm: Bench) -> None:
    """SW-4f: its control group would be another"""
    await warm.run("true", limits=Limits(cpus=1))
    assert figures(warm).served == 0


@pytest.mark.parametrize(
    "env",
    [
        {"A": 'it\'s\n"$HOME" `id` \\ end'},
        {"with-dash": "1", "PPID": "7", "IFS": ":", "OPTIND": "x", "UID": "0"},
        {"EMPTY": "", "LONG": "x" * 100_000},
    ],
)
async def test_the_environment_arrives_as_it_was_given(warm: Bench, env: dict[str, str]) -> None:
    """SW-4f"""
    sandbox = await warm.open()
    status = await sandbox.exec(["env", "-0"], env=env, on_output=warm.keep)
    assert status.ok
    seen = dict(line.split("=", 1) for line in warm.said.split("\0") if line)
    assert {name: seen.get(name) for name in env} == env
    assert seen.keys() - env.keys() == {"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "SHELL", "LANG", "PWD"}


async def test_no_descriptor_of_the_pool_is_left_open(warm: Bench) -> None:
    """SW-6a"""
    sandbox = await warm.open()
    await sandbox.exec(["ls", "/proc/self/fd"], env={}, on_output=warm.keep)
    assert warm.said.split() == ["0", "1", "2", "3"], "3 is the folder that ls reads"


async def test_standard_input_is_written_while_it_runs(warm: Bench) -> None:
    """OD-4"""
    stdin = Stdin()
    stdin.write(b"first\n")
    async with asyncio.TaskGroup() as group:
        group.create_task(warm.run('while read line; do echo "got $line"; done', stdin=stdin))
        await eventually(lambda: warm.said == "got first\n")
        stdin.write(b"second\n")
        await eventually(lambda: warm.said == "got first\ngot second\n")
        stdin.close()


async def test_a_pool_ends_with_a_worker_that_is_killed_and_its_groups_can_be_removed(tmp_path: Path) -> None:
    """SW-4h"""
    for name in ("work", "scratch"):
        (tmp_path / name).mkdir()
    name = marker()
    place = (str(tmp_path / "work"), str(tmp_path / "scratch"))
    script = f"echo ready > ready; sleep {name}"
    program = str(Path(__file__).with_name("lone_worker.py"))
    worker = await asyncio.create_subprocess_exec(
        sys.executable, program, "bubblewrap", *place, name, script, "2"
    )
    await eventually((tmp_path / "work" / "ready").exists, timeout=20)
    parents = cgroup.writable_parents()
    mine = f"{cgroup.WARM}{worker.pid}-"
    worker.kill()
    await worker.wait()
    await eventually(lambda: processes_with(name) == [])

    def forgotten() -> bool:
        cgroup.forget_warm(parents)
        return not any(list(parent.path.glob(f"{mine}*")) for parent in parents)

    await eventually(forgotten)


def test_a_word_of_the_shell_is_whatever_it_holds() -> None:
    """SW-6a"""
    said = words("/a b", {"A": "x'y"}, ["echo", "$(id)", "'"])
    assert "cd '/a b' || exit 126\n" in said
    assert "export A='x'\\''y'\n" in said
    assert "set -- 'echo' '$(id)' ''\\'''\n" in said
