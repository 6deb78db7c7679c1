"""Attempts to break out of every level that claims to hold them. All fail, and the host stays well."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.sandboxes.sandbox import MB, Driver, Ending, Limits
from muster.sandboxes.stdin import Stdin
from tests.sandboxes.bench import Bench, marker, processes_with
from tests.sandboxes.conftest import assert_warm
from tests.waiting import eventually


@pytest.fixture
async def held(driver: Driver, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of every driver that isolates files, processes and the network here."""
    claims = await driver.probe()
    if not (claims.file_isolation and claims.process_isolation and claims.network_isolation):
        pytest.skip(f"{driver.level} claims no isolation")
    bench = Bench(driver, tmp_path)
    yield bench
    assert_warm(driver)
    await bench.close()


async def test_files_of_another_sandbox_are_out_of_reach(held: Bench, tmp_path: Path) -> None:
    """SW-6a"""
    other = tmp_path / "other"
    other.mkdir()
    (other / "key").write_text("sesame")
    await held.open(working_dir=other, scratch=tmp_path / "scratch")
    reading = f"cat {other}/key; cat {held.work}/../other/key; cat /proc/1/root{other}/key; ln {other}/key k"
    await held.run(reading)
    assert held.said == ""


async def test_a_port_of_another_sandbox_is_out_of_reach(held: Bench) -> None:
    """SW-6a"""
    serving = (
        "import socket; s = socket.create_server(('127.0.0.1', 8123)); print('ready', flush=True); s.accept()"
    )
    connect = "import socket; socket.create_connection(('127.0.0.1', 8123), 1); print('reached')"
    server = await held.open()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(held.run(f'python3 -c "{serving}"', sandbox=server))
        await eventually(lambda: "ready" in held.said)
        await held.run(f'python3 -c "{connect}"')
        server.kill()
        await running
    assert held.said == "ready\n"


async def test_no_name_is_resolved_and_no_interface_is_there(held: Bench) -> None:
    """SW-6a"""
    script = "import socket\nfor h in ('example.com',): socket.getaddrinfo(h, 80); print('resolved')"
    await held.run(
        f'python3 -c "{script}"; ls /sys/class/net 2>/dev/null; grep -v -e face -e lo: /proc/net/dev'
    )
    assert "resolved" not in held.said
    assert "eth" not in held.said


async def test_a_datagram_does_not_get_to_the_host(held: Bench) -> None:
    """SW-6a"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        send = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))"
        await held.run(f'python3 -c "{send}"')
        with pytest.raises(BlockingIOError):
            server.recv(1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_process_of_the_host_cannot_be_signalled(held: Bench, number: signal.Signals) -> None:
    """SW-4f"""
    victim = await asyncio.create_subprocess_exec("sleep", marker())
    try:
        await held.run(f"kill -{number.value} {victim.pid}; kill -{number.value} -1")
        os.kill(victim.pid, 0)
        assert victim.returncode is None
    finally:
        victim.kill()
        await victim.wait()


async def test_a_process_cannot_be_traced(held: Bench) -> None:
    """SW-4f"""
    script = "import ctypes, os; print(ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0))"
    await held.run(f'sleep 5 & python3 -c "{script}"; head -c 1 /proc/1/mem')
    assert held.said == "-1\n"


async def test_settings_of_the_kernel_cannot_be_written(held: Bench) -> None:
    """SW-4f: they are opened only, so that a failure of this test does no harm"""
    script = """
for f in $(find /proc/sys /proc/sysrq-trigger /proc/irq /proc/bus /proc/fs /proc/acpi /proc/mtrr -type f); do
    (exec 3>>$f) && echo opened $f
done 2>/dev/null
(exec 3<>/proc/kcore) && echo opened kcore
(exec 3>>/sys/power/state) && echo opened state
true
"""
    await held.run(script)
    assert held.said == ""


async def test_devices_of_the_host_are_not_there_and_cannot_be_made(held: Bench) -> None:
    """SW-4f"""
    fuse = "/dev/fuse" if held.shows_programs else ""  # gVisor has one of its own making
    await held.run(
        f"ls /dev/sda /dev/vda /dev/mem /dev/kmsg /dev/kvm {fuse}; mknod d b 8 0 && echo made; true"
    )
    assert held.said == ""


async def test_control_groups_cannot_be_left(held: Bench) -> None:
    """SW-4f"""
    await held.run(
        "find /sys/fs/cgroup -name cgroup.procs -writable | head -1; echo 0 > /sys/fs/cgroup/cgroup.procs && echo left"
    )
    assert held.said == ""


async def test_a_set_uid_program_gains_nothing(held: Bench) -> None:
    """SW-4f"""
    await held.run(
        "cp /bin/sh sh && chmod 4755 sh && ./sh -p -c 'id -u; grep CapEff /proc/self/status'; su -c id </dev/null"
    )
    assert "root" not in held.said
    assert "CapEff:\t0000000000000000" in held.said


async def test_a_full_private_folder_does_not_fill_the_host(held: Bench) -> None:
    """SW-4f: /tmp and HOME end at 1 GiB; memory in them counts for the sandbox"""
    before = os.statvfs("/").f_bavail
    await held.run(
        "head -c 300M /dev/zero > /tmp/f; head -c 300M /dev/zero > ~/f", limits=Limits(memory_bytes=128 * MB)
    )
    assert abs(os.statvfs("/").f_bavail - before) * os.statvfs("/").f_frsize < 250 * MB


async def test_memory_ran_out_even_where_the_first_process_inside_was_killed_for_it(held: Bench) -> None:
    """SW-4f: the kernel chooses whom it kills, and the program cannot tell its end then"""
    script = "echo 1000 > /proc/1/oom_score_adj; echo ready; head -c 300M /dev/zero > /tmp/f; sleep 20"
    status = await held.run(script, limits=Limits(memory_bytes=64 * MB))
    assert status.reason is Ending.OOM
    assert "ready" in held.said


async def test_a_full_working_directory_ends_at_its_limit(held: Bench) -> None:
    """SW-4f"""
    status = await held.run(
        "while :; do head -c 2M /dev/zero >> f; sleep 0.02; done", limits=Limits(disk_bytes=10 * MB)
    )
    assert status.reason is Ending.DISK_LIMIT
    assert (held.work / "f").stat().st_size < 300 * MB


async def test_nothing_outlives_a_cancel_whatever_it_does(held: Bench) -> None:
    """OD-2"""
    name = marker()
    sandbox = await held.open(grace_seconds=0.1)
    hiding = f"trap '' TERM HUP INT; (setsid nohup setsid sleep {name} >/dev/null 2>&1 &); nohup sleep {name} & echo ready; wait"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(held.run(hiding, sandbox=sandbox))
        await eventually(lambda: "ready" in held.said and held.runs(name, 2))
        sandbox.kill()
        await running
    assert held.left(name) == []


PRELOADED = """
#include <stdio.h>
__attribute__((constructor)) static void escape(void) {{
    FILE *file = fopen("{target}", "w");
    if (file) fputs("out", file);
}}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
async def test_a_library_of_the_task_is_not_loaded_outside(held: Bench, tmp_path: Path) -> None:
    """SW-6a: LD_PRELOAD in a task's environment must not reach what starts the sandbox, which runs on the host"""
    target = tmp_path / "escaped"
    (held.work / "a.c").write_text(PRELOADED.format(target=target))
    made = await held.run("cc -shared -fPIC a.c -o a.so", network=True)
    if not made.ok:
        pytest.skip("the compiler does not work inside")
    await held.run("true", env={"LD_PRELOAD": f"{held.work}/a.so"})
    assert not target.exists()


async def test_what_starts_the_sandbox_does_not_show_the_environment_to_the_host(held: Bench) -> None:
    """SW-6a: a command line can be read by every user of the host"""
    key = f"sesame-{marker()}"
    seen: list[int] = []
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            held.run("echo ready; read line", env={"KEY": key}, stdin=(stdin := Stdin()))
        )
        await eventually(lambda: "ready" in held.said)
        seen = processes_with(key)
        stdin.close()
        await running
    assert seen == []
