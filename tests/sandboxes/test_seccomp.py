"""The system call filter: what it refuses, and what must go on working behind it."""

from __future__ import annotations

import platform
import shutil
from typing import Any, cast

import pytest

from muster.sandboxes.seccomp import NEW_NAMESPACES, RECENT, TABLES, filter_profile, filter_program
from tests.sandboxes.bench import Bench

CALL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in map(int, sys.argv[1:]):
    libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if ctypes.get_errno() != errno.EPERM:
        print(number, errno.errorcode.get(ctypes.get_errno()))
"""


async def test_every_refused_call_is_refused(isolated: Bench) -> None:
    """SW-4f"""
    table = TABLES.get(platform.machine())
    if table is None:
        pytest.skip("no table for this architecture")
    assert "seccomp" in (await isolated.driver.probe()).hardening
    numbers = " ".join(map(str, [*table.refused.values(), *RECENT.values()]))
    status = await isolated.run(f"python3 -c '{CALL}' {numbers}")
    assert status.ok
    assert isolated.said == ""


async def test_characters_cannot_be_put_into_a_terminal(isolated: Bench) -> None:
    """SW-4f: TIOCSTI on a terminal of its own, which the kernel itself would allow"""
    script = """
import fcntl, os, pty, termios
pid, fd = pty.fork()
if pid == 0:
    try:
        fcntl.ioctl(0, termios.TIOCSTI, b"x")
        os._exit(3)
    except PermissionError:
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    await isolated.run(f"python3 - <<'END'\n{script}\nEND")
    assert isolated.said == "7\n"


async def test_new_namespaces_are_refused_however_they_are_asked_for(isolated: Bench) -> None:
    """SW-4f"""
    table = TABLES.get(platform.machine())
    if table is None:
        pytest.skip("no table for this architecture")
    flags = (0x20000, 0x10000000, 0x20000000, 0x40000000)
    calls = "; ".join(f"print(libc.syscall({table.clone}, {flag | 17}, 0, 0, 0, 0))" for flag in flags)
    await isolated.run(f"python3 -c 'import ctypes; libc = ctypes.CDLL(None); {calls}'")
    assert isolated.said == "-1\n" * len(flags)


WORK = {
    "git": "git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git gc -q",
    "cc": "echo 'int main(){return 0;}' > a.c && cc a.c -o a && ./a",
    "node": "node -e \"require('fs').promises.readFile('/etc/passwd').then(t => console.log(t.length))\"",
    "python3": 'python3 -c \'import threading, subprocess, multiprocessing as m; subprocess.run(["true"], check=True); '
    'm.get_context("spawn"); t = threading.Thread(target=print); t.start(); t.join()\'',
    "make": "printf 'all: a b\\na b:\\n\\ttouch $@\\n' > Makefile && make -j2 -s",
    "tar": "echo x > f && tar cf t.tar f && tar xf t.tar",
}


@pytest.mark.parametrize("program", WORK)
async def test_ordinary_work_goes_on(isolated: Bench, program: str) -> None:
    """SW-4f"""
    if shutil.which(program, path="/usr/local/bin:/usr/bin:/bin") is None:
        pytest.skip(f"{program} is not installed")
    status = await isolated.run(WORK[program])
    assert status.ok, isolated.err.decode()


def test_an_architecture_without_a_table_has_no_filter() -> None:
    assert filter_program("vax") is None


@pytest.mark.parametrize("machine", TABLES)
def test_a_filter_is_whole_instructions_and_fits_the_kernel(machine: str) -> None:
    program = filter_program(machine) or b""
    assert len(program) % 8 == 0
    assert 0 < len(program) // 8 < 4096


@pytest.mark.parametrize("machine", TABLES)
def test_container_programs_are_given_the_same_refusals(machine: str) -> None:
    """SW-4f"""
    profile = filter_profile(machine)
    assert profile is not None
    calls = cast(list[dict[str, Any]], profile["syscalls"])
    assert {*TABLES[machine].refused, *RECENT} <= {name for call in calls for name in call["names"]}
    assert sum("clone" in call["names"] for call in calls) == NEW_NAMESPACES.bit_count()
    assert filter_profile("vax") is None
