"""A shell in a sandbox that is open: it is where the program is, and has no more rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from muster.domain.console import NoConsole
from muster.sandboxes.sandbox import Ending, Sandbox
from muster.sandboxes.terminal import Terminal
from tests.sandboxes.bench import Bench
from tests.waiting import eventually

PLAIN: Mapping[str, str] = {"PS1": "", "TERM": "dumb", "HISTFILE": ""}


@asynccontextmanager
async def at_work(bench: Bench, script: str = "echo ready; exec sleep 600") -> AsyncIterator[Sandbox]:
    """A sandbox in which a program runs."""
    sandbox = await bench.open()
    begun = asyncio.Event()
    running = sandbox.exec(["sh", "-c", script], env={"WHO": "the task"}, on_output=lambda *_: begun.set())
    task = asyncio.ensure_future(running)
    try:
        async with asyncio.timeout(30):
            await begun.wait()
        # Its first words may be there before the supervisor's.
        await eventually(lambda: enterable(sandbox))
        yield sandbox
    finally:
        sandbox.kill()
        status = await task
        await sandbox.close()
        assert status.reason is Ending.KILLED


def enterable(sandbox: Sandbox) -> bool:
    try:
        sandbox.entrance(PLAIN)
    except NoConsole:
        return False
    return True


async def said(terminal: Terminal, words: str, until: str) -> str:
    """Type a line; everything up to an answer."""
    await terminal.write(words.encode() + b"\n")
    text = ""
    async with asyncio.timeout(30):
        while until not in text:
            piece = await terminal.read()
            assert piece, text
            text += piece.decode(errors="replace")
    return text


async def test_a_shell_is_where_the_program_is_and_has_no_more_rights(isolated: Bench) -> None:
    """OD-34: the same processes, network, files, user, filter; no capability"""
    async with at_work(isolated) as sandbox:
        terminal = await Terminal.open(sandbox.entrance(PLAIN), 90, 30)
        text = await said(terminal, "stty -echo; stty size; echo first-$((40+2))", "first-42")
        assert "30 90" in text
        text = await said(
            terminal, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo second-$((40+2))", "second-42"
        )
        assert "sleep 600" in text
        probe = "id -u; hostname; pwd; echo $WHO; grep -E '^(Cap|Seccomp|NoNew)' /proc/self/status; echo third-$((40+2))"
        text = await said(terminal, probe, "third-42")
        lines = text.split()
        assert "1000" in lines
        assert "sandbox" in lines
        assert str(isolated.work) in lines
        assert "the task" in text
        held = [line.split()[1] for line in text.splitlines() if line.startswith("Cap")]
        assert len(held) == 5
        assert all(int(value, 16) == 0 for value in held)
        assert "NoNewPrivs:\t1" in text
        assert "Seccomp:\t2" in text
        text = await said(
            terminal, "ls /root /home 2>&1; cat /proc/net/dev; echo fourth-$((40+2))", "fourth-42"
        )
        assert "eth0" not in text
        await terminal.write(b"exit 7\n")
        async with asyncio.timeout(30):
            assert await terminal.ended() == 7
        await terminal.close()


async def test_a_shell_has_exactly_what_the_program_has(isolated: Bench) -> None:
    """OD-34: user, groups, capabilities, filter, namespaces, limits and control groups, compared with the program's own"""
    kept = "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Umask)"
    look = (
        f"look() {{ grep -E '{kept}' /proc/$1/status; cat /proc/$1/limits /proc/$1/cgroup; "
        "for n in /proc/$1/ns/*; do echo ${n##*/} $(readlink $n); done; readlink /proc/$1/root; }; "
        "P=$(grep -l '^sleep' /proc/[0-9]*/cmdline | cut -d/ -f3 | head -1); look $P >/tmp/a; look $$ >/tmp/b; "
        "wc -l </tmp/a; diff /tmp/a /tmp/b && echo the-$((1+0))-same; echo done-$((40+2))"
    )
    async with at_work(isolated) as sandbox:
        terminal = await Terminal.open(sandbox.entrance(PLAIN), 400, 30)
        text = await said(terminal, f"stty -echo; {look}", "done-42")
        assert "the-1-same" in text, text
        lines = [int(line) for line in text.split() if line.isdecimal()]
        assert max(lines) > 25
        await terminal.close()


async def test_a_shell_ends_with_its_sandbox(isolated: Bench) -> None:
    """OD-34"""
    async with at_work(isolated) as sandbox:
        terminal = await Terminal.open(sandbox.entrance(PLAIN), 80, 24)
        await said(terminal, "echo there-$((40+2))", "there-42")
    async with asyncio.timeout(30):
        assert await terminal.ended() == 137
    await terminal.close()


async def test_a_closed_terminal_takes_its_shell_along_and_leaves_the_program(isolated: Bench) -> None:
    """OD-34"""
    async with at_work(isolated) as sandbox:
        terminal = await Terminal.open(sandbox.entrance(PLAIN), 80, 24)
        await said(terminal, "echo there-$((40+2))", "there-42")
        async with asyncio.timeout(30):
            assert await terminal.close() == 137
        assert await terminal.read() == b""
        again = await Terminal.open(sandbox.entrance(PLAIN), 80, 24)
        await said(again, "echo again-$((40+2))", "again-42")
        await again.close()


async def test_what_a_shell_leaves_behind_does_not_hold_its_terminal(isolated: Bench) -> None:
    """OD-34: all it said is read, and no more is waited for"""
    async with at_work(isolated) as sandbox:
        terminal = await Terminal.open(sandbox.entrance(PLAIN), 80, 24)
        await terminal.write(b"sleep 601 & exec sh -c 'echo last-words; exit 3'\n")
        text = b""
        async with asyncio.timeout(30):
            assert await terminal.ended() == 3
            while piece := await terminal.read():
                text += piece
        assert b"\nlast-words" in text.replace(b"\r", b"")
        await terminal.close()


async def test_a_paused_sandbox_has_no_console(isolated: Bench) -> None:
    """OD-34"""
    async with at_work(isolated) as sandbox:
        sandbox.pause()
        with pytest.raises(NoConsole, match="paused"):
            sandbox.entrance(PLAIN)
        sandbox.resume()


async def test_where_nothing_runs_there_is_no_console(isolated: Bench) -> None:
    sandbox = await isolated.open()
    with pytest.raises(NoConsole, match="Nothing runs in the sandbox now"):
        sandbox.entrance(PLAIN)
    await sandbox.close()
