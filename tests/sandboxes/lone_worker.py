"""A program that runs one script in a sandbox, to be killed from outside: LEVEL WORK SCRATCH NAME SCRIPT."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from muster.sandboxes.registry import make_driver
from muster.sandboxes.sandbox import SandboxSpec


async def main(level: str, work: str, scratch: str, name: str, script: str) -> None:
    driver = make_driver(level)
    spec = SandboxSpec(name=f"test-{name}", working_dir=Path(work), scratch=Path(scratch))
    sandbox = await driver.open(spec)
    await sandbox.exec(["bash", "-c", script], env={}, on_output=lambda _, __: None)


asyncio.run(main(*sys.argv[1:]))
