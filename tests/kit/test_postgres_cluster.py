"""The test cluster itself: fresh databases, copies of a template, and no orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import Guard, Migrate, find_server
from tests.waiting import eventually_sync

ROOT = Path(__file__).resolve().parents[2]


async def fetch(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def make_table(url: str) -> None:
    await fetch(url, "CREATE TABLE kept (n integer)")
    await fetch(url, "INSERT INTO kept VALUES (1)")


async def test_a_test_gets_an_empty_database_of_its_own(postgres_url: str) -> None:
    assert await fetch(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await make_table(postgres_url)


async def test_commits_wait_for_the_log_as_on_a_real_server(postgres_url: str) -> None:
    assert await fetch(postgres_url, "SHOW synchronous_commit") == "on"
    assert await fetch(postgres_url, "SHOW fsync") == "off"


@pytest.mark.postgres
async def test_a_cluster_flushes_to_disk_unless_it_is_told_not_to() -> None:
    server = find_server()
    assert server is not None
    with Guard.start(server) as guard:
        assert await fetch(guard.cluster().url("postgres"), "SHOW fsync") == "on"


async def test_copies_of_a_template_do_not_see_each_other(
    postgres_template: Callable[[Migrate], str],
) -> None:
    first, second = postgres_template(make_table), postgres_template(make_table)
    await fetch(first, "DELETE FROM kept")
    assert await fetch(first, "SELECT count(*) FROM kept") == 0
    assert await fetch(second, "SELECT count(*) FROM kept") == 1


@pytest.mark.postgres
@pytest.mark.parametrize("killed", ["parent", "guard"])
def test_a_cluster_ends_with_the_process_that_asked_for_it(killed: str) -> None:
    server = find_server()
    assert server is not None
    program = (
        "import sys; from tests.postgres import Guard, find_server\n"
        "guard = Guard.start(find_server()); guard.cluster()\n"
        "print(guard.process.pid, guard.address, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        guard_pid, address = parent.stdout.readline().split()
        data = Path(address).parent / "data"
        postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(parent.pid if killed == "parent" else int(guard_pid), signal.SIGKILL)
        eventually_sync(lambda: not is_running(postmaster))
        parent.kill()
    if killed == "parent":
        eventually_sync(lambda: not Path(address).parent.exists())
    else:
        subprocess.run(["rm", "-rf", Path(address).parent], check=True)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_stopping_a_guard_that_was_never_asked_leaves_nothing() -> None:
    server = find_server()
    if server is None:
        pytest.skip("no server binaries")
    with Guard.start(server) as guard:
        directory = Path(guard.address).parent
        assert directory.is_dir()
    assert not directory.exists()
