"""Disks that are full or closed, files that are damaged, ports and files somebody else has."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from muster.client.errors import ApiError
from tests.cli.live import free_port
from tests.e2e.faulty import NO_MOUNT, Desk, Disk, small_disk
from tests.e2e.server import KillableServer
from tests.waiting import eventually

DeskAt = Callable[[KillableServer], Desk]
COUNT_TO = 30
WRITES = "for n in $(seq 1 30); do echo line $n; sleep 0.1; done"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk, to be filled or closed."""
    with small_disk(tmp_path / "disk", "16m") as made:
        if made is None:
            pytest.skip(NO_MOUNT)
        yield made


@pytest.fixture
async def tenant(disk: Disk, tmp_path: Path) -> AsyncIterator[KillableServer]:
    """A server with its data on the small disk and its log elsewhere."""
    (disk.folder / "data").mkdir()
    server = KillableServer(tmp_path, str(disk.folder / "data" / "muster.db"))
    server.environ["MUSTER_DATA_DIR"] = str(disk.folder / "data")
    yield server
    if server.process is not None:
        server.kill()


@pytest.fixture
async def sqlite_server(tmp_path: Path) -> AsyncIterator[KillableServer]:
    """A server on a SQLite file; not started yet."""
    server = KillableServer(tmp_path, str(tmp_path / "data" / "muster.db"))
    yield server
    if server.process is not None:
        server.kill()


async def made_and_stopped(server: KillableServer, desk_at: DeskAt) -> None:
    """Let a server make its database, put something there, and stop it."""
    await server.start()
    desk = desk_at(server)
    await desk.queue()
    await desk.submit(title="kept")
    server.stop()


async def fill_by_submitting(desk: Desk) -> tuple[list[str], ApiError]:
    """Queue large tasks until refused: the ids acknowledged, and the refusal."""
    acknowledged: list[str] = []
    for number in range(2_000):
        try:
            acknowledged.append(await desk.submit(title=f"task {number}", description="x" * 20_000))
        except ApiError as refusal:
            return acknowledged, refusal
    raise AssertionError("the disk never became full")


async def still_there(desk: Desk, tasks: list[str]) -> bool:
    return all([(await desk.task(task))["state"] == "ready" for task in tasks])


async def test_a_full_disk_refuses_changes_keeps_all_and_ends_by_itself(
    tenant: KillableServer, disk: Disk, desk_at: DeskAt
) -> None:
    """SW-4a, OD-42: 503 disk_full, reads go on, nothing acknowledged is lost, no restart is needed."""
    await tenant.start()
    desk = desk_at(tenant)
    await desk.queue()
    before = await desk.submit()
    disk.fill()
    acknowledged, refusal = await fill_by_submitting(desk)
    assert (refusal.status, refusal.code) == (503, "disk_full")
    assert str(disk.folder) in refusal.message
    assert await still_there(desk, [before, *acknowledged])
    more, again = await fill_by_submitting(desk)
    assert again.code == "disk_full"
    disk.free()
    after = await desk.submit(title="after")
    claimed = await desk.claim("ann")
    assert claimed is not None
    assert claimed.task_id == before
    assert await still_there(desk, [*acknowledged, *more, after])

    async def sealed() -> bool:
        return "sealer" not in tenant_log(tenant) or "0 not sealed" in tenant.muster("verify").stdout

    await eventually(sealed, timeout=30, step=0.5)
    tenant.stop()
    verified = tenant.muster("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Traceback" not in tenant_log(tenant)


def tenant_log(server: KillableServer) -> str:
    return (server.folder / "server.log").read_text()


async def test_output_written_while_the_disk_is_full_is_recorded_afterwards(
    tenant: KillableServer, disk: Disk, desk_at: DeskAt
) -> None:
    """SQ-3, SW-4a: the worker holds lines and the end of the attempt until there is space again."""
    tenant.arguments = ()
    await tenant.start()
    desk = desk_at(tenant)
    await desk.queue()
    task = await desk.submit(title="talks", kind="bash", queue="default", payload={"script": WRITES})

    async def talking() -> bool:
        return "line 2" in str(await desk.client.get(f"/tasks/{task}/logs"))

    await eventually(talking)
    disk.fill()
    await fill_by_submitting(desk)

    def refused() -> bool:
        return "/record" in tenant_log(tenant)

    await eventually(refused)
    disk.free()

    async def done() -> bool:
        return (await desk.task(task))["state"] == "succeeded"

    await eventually(done, timeout=30)
    page = await desk.client.get(f"/tasks/{task}/logs", limit=1000)
    lines = [line["text"] for line in page["items"] if line["stream"] == "stdout"]
    assert lines == [f"line {number}" for number in range(1, COUNT_TO + 1)]


async def test_a_largest_file_size_is_a_full_disk_too(sqlite_server: KillableServer, desk_at: DeskAt) -> None:
    """OD-42: quotas and limits are told like a full disk, on any machine."""
    await sqlite_server.start()
    desk = desk_at(sqlite_server)
    await desk.queue()
    assert sqlite_server.process is not None
    pid, largest = sqlite_server.process.pid, resource.RLIM_INFINITY
    wal = Path(sqlite_server.database + "-wal").stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal + 400_000, largest))
    acknowledged, refusal = await fill_by_submitting(desk)
    assert (refusal.status, refusal.code) == (503, "disk_full")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, largest))
    after = await desk.submit()
    assert await still_there(desk, [*acknowledged, after])
    sqlite_server.stop()
    assert sqlite_server.muster("verify").returncode == 0


@pytest.mark.parametrize("verb", ["up", "start"])
@pytest.mark.parametrize("new", [True, False])
async def test_a_server_does_not_start_on_a_full_disk_and_says_so(
    tenant: KillableServer, disk: Disk, verb: str, new: bool, desk_at: DeskAt
) -> None:
    """OD-42: also when the database is there already; with space again it starts."""
    if not new:
        await made_and_stopped(tenant, desk_at)
    disk.fill()
    refused = tenant.muster(verb, "--no-worker")
    assert refused.returncode == 8
    assert refused.stderr.startswith(f"muster: The disk that holds {disk.folder}")
    assert "Traceback" not in refused.stderr
    disk.free()
    await tenant.start()


async def test_a_closed_data_folder_is_named(tenant: KillableServer, disk: Disk, desk_at: DeskAt) -> None:
    """OD-42: a read-only file system."""
    await made_and_stopped(tenant, desk_at)
    disk.close_for_writing()
    refused = tenant.muster("up", "--no-worker")
    assert refused.returncode == 8
    assert refused.stderr.splitlines() == [
        f"muster: {disk.folder}/data cannot be written: it is not a directory that you may write to"
    ]


async def test_a_disk_that_turns_read_only_is_told_and_reads_go_on(
    tenant: KillableServer, disk: Disk, tmp_path: Path, desk_at: DeskAt
) -> None:
    """OD-42: as a kernel does with a file system it finds broken; here the file itself is closed."""
    await made_and_stopped(tenant, desk_at)
    closed = disk.folder / "new"
    disk.close_for_writing()
    refused = tenant.muster("up", "--no-worker", "--data-dir", str(closed))
    assert refused.returncode == 8
    assert f"{closed} cannot be written: Read-only file system" in refused.stderr
    elsewhere = tenant.muster("up", "--no-worker", "--data-dir", str(tmp_path / "other"))
    assert elsewhere.returncode == 8
    assert f"{disk.folder}/data cannot be written: Read-only file system" in elsewhere.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_of_somebody_else_is_named(tmp_path: Path) -> None:
    """OD-42: permissions, as a user without rights meets them."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    refused = KillableServer(tmp_path, str(folder / "muster.db")).muster("up", "--no-worker")
    assert refused.returncode == 8
    assert f"{folder} cannot be written" in refused.stderr


def damage_text(path: Path) -> None:
    path.write_text("Dear diary, this is not a database.\n" * 500)


def damage_cut(path: Path) -> None:
    os.truncate(path, 5_000)


def damage_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xab" * (path.stat().st_size - 4_096))


@pytest.mark.parametrize("damage", [damage_text, damage_cut, damage_pages])
async def test_a_damaged_database_is_named_and_a_backup_takes_its_place(
    sqlite_server: KillableServer, damage: object, desk_at: DeskAt
) -> None:
    """OD-42: the file is left as it is; the message says what to do, and that works."""
    server = sqlite_server
    await made_and_stopped(server, desk_at)
    assert server.muster("backup", str(server.folder / "copy")).returncode == 0
    path = Path(server.database)
    assert callable(damage)
    damage(path)
    found = path.read_bytes()
    refused = server.muster("up", "--no-worker")
    assert refused.returncode == 8
    assert str(path) in refused.stderr
    assert "muster restore" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert path.read_bytes() == found
    restored = server.muster("restore", "--force", "--yes", str(server.folder / "copy"))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    await server.start()
    desk = desk_at(server)
    claimed = await desk.claim("ann")
    assert claimed is not None
    assert claimed.title == "kept"


async def test_a_database_of_a_newer_version_is_left_alone(
    sqlite_server: KillableServer, desk_at: DeskAt
) -> None:
    """OD-42"""
    await made_and_stopped(sqlite_server, desk_at)
    connection = sqlite3.connect(sqlite_server.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for verb in ("up", "verify"):
        refused = sqlite_server.muster(verb)
        assert refused.returncode == 8
        assert "has schema 9999, which this version of muster does not know" in refused.stderr


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    """OD-42"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = KillableServer(tmp_path, str(tmp_path / "muster.db"), port=taken.getsockname()[1])
        refused = server.muster("up", "--no-worker")
    assert refused.returncode == 8
    assert f"Port {server.port} of 127.0.0.1 is in use" in refused.stderr
    assert "--port" in refused.stderr
    assert not (tmp_path / "muster.db").exists()


async def test_a_second_server_is_refused_and_the_first_works_on(
    sqlite_server: KillableServer, tmp_path: Path, desk_at: DeskAt
) -> None:
    """OD-42: on the same data folder, and on the same file from another one."""
    first = sqlite_server
    await first.start()
    assert first.process is not None
    second = first.muster("up", "--no-worker", "--port", str(free_port()))
    assert second.returncode == 5
    assert f"process {first.process.pid}" in second.stderr
    third = first.muster(
        "up", "--no-worker", "--port", str(free_port()), "--data-dir", str(tmp_path / "other")
    )
    assert third.returncode == 8
    assert f"process {first.process.pid}" in third.stderr
    assert first.database in third.stderr
    desk = desk_at(first)
    await desk.queue()
    assert await desk.submit()


async def test_another_muster_that_holds_the_file_is_named(sqlite_server: KillableServer) -> None:
    """OD-42: a restore under way, here played by a process that holds the lock."""
    Path(sqlite_server.database).parent.mkdir()
    code = (
        "import sys\nfrom pathlib import Path\nfrom muster.store.open import FileLock\n"
        "lock = FileLock(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, sqlite_server.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        refused = sqlite_server.muster("up", "--no-worker")
        assert refused.returncode == 8
        assert f"process {holder.pid}" in refused.stderr
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(10)
    await sqlite_server.start()
