"""What is told to a program that has just ended concerns nobody (SW-4f)."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from muster.sandboxes.launcher import Launch, Launcher
from muster.sandboxes.sandbox import ExitStatus


async def end_then_tell() -> ExitStatus:
    launcher = Launcher()
    try:
        launch = Launch(argv=["true"], env={}, cwd="/", timeout=None, grace=0.0)
        program = launcher.start(launch, b"")
        status = await program.wait(lambda _, __: None, None)
        program.pause(True)
        program.kill()
        assert await program.answers()
    finally:
        launcher.close()
    return status


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_program_that_has_ended_is_told_nothing_more(run: object) -> None:
    """The server runs on uvloop, which refuses to write where the other side is gone."""
    assert callable(run)
    assert run(end_then_tell()).ok
