"""A program that runs one script in a sandbox, to be killed from outside: LEVEL WORK SCRATCH NAME SCRIPT [WARM].

With WARM so many sandboxes stand ready, and the script runs in one of them.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.registry import make_driver
from muster.sandboxes.sandbox import SandboxSpec
from tests.waiting import eventually


async def main(level: str, work: str, scratch: str, name: str, script: str, warm: str = "0") -> None:
    driver = make_driver(level, warm=int(warm))
    await driver.probe()
    pool = driver.warm if isinstance(driver, BubblewrapDriver) else None
    if pool is not None:
        await eventually(lambda: pool.ready == int(warm), timeout=20)
    spec = SandboxSpec(name=f"test-{name}", working_dir=Path(work), scratch=Path(scratch))
    sandbox = await driver.open(spec)
    await sandbox.exec(["bash", "-c", script], env={}, on_output=lambda _, __: None)


asyncio.run(main(*sys.argv[1:]))
