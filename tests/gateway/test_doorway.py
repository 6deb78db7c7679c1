"""The gateway's socket is reached from a sandbox, however deep the data folder lies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from muster.gateway.server import Gateway
from muster.sandboxes import relay

ASK = """
import sys, urllib.request, urllib.error
try:
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/run/nobody/anthropic/v1/messages")
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param("short", id="short"),
        pytest.param(
            "a-name-of-forty-letters-as-people-have-it/" * 4,
            id="long",
            marks=pytest.mark.skipif(
                not Path("/proc/self/fd").is_dir(), reason="only Linux reaches a socket through its folder"
            ),
        ),
    ],
)
async def test_a_program_behind_the_relay_reaches_the_gateway(tmp_path: Path, folder: str) -> None:
    """SW-6c: a socket's name may have 108 bytes, a path may have more."""
    door = tmp_path / folder / "models.sock"
    gateway = Gateway([])
    await gateway.start(door)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    try:
        argv = ["-I", relay.__file__, f"{port}={door}", "--", sys.executable, "-c", ASK, str(port)]
        program = await asyncio.create_subprocess_exec(
            sys.executable, *argv, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert program.stdout is not None
        answer = await program.stdout.read()
        assert b"403" in answer
        assert b"this run is not known" in answer
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        await program.wait()
        os.killpg(program.pid, signal.SIGKILL)
    finally:
        await gateway.close()
