"""Tasks that demand a level of isolation run on it, and the attempt says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire import CompleteRequest, FailRequest
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.registry import LEVELS, make_driver, tried
from muster.worker.isolation import Isolation
from muster.worker.options import WorkerOptions
from muster.worker.worker import Worker
from tests.worker.conftest import Crew
from tests.worker.fake_server import FakeServer


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "process"])
async def test_a_task_that_demands_a_level_runs_on_it_and_others_on_the_usual_one(
    crew: Crew, server: FakeServer, level: str, tmp_path: Path
) -> None:
    """SW-4f"""
    demanded = make_driver(level)
    found = await tried(demanded)
    isolation = Isolation(ProcessDriver(), [demanded])
    if not found.available:
        await isolation.close()
        pytest.skip(found.reason)
    options = WorkerOptions(worker_id="w", agent_id="a", state_dir=tmp_path / "state", capacity=1)
    worker = Worker(Client(InProcessTransport(server)), isolation, options)
    crew.workers.append((worker, crew.group.create_task(worker.run())))
    script = {"script": "[ -e /usr/bin/env ] && id -un"}
    demanding = await server.submit(payload=script, requires=[f"sandbox:{level}"])
    modest = await server.submit(payload=script)
    stronger = await server.submit(payload=script, requires=["sandbox:unheard-of"])
    ended = await server.end(demanding)
    assert isinstance(ended, CompleteRequest)
    assert (ended.sandbox, server.text(demanding)) == (level, "muster")
    ended = await server.end(modest)
    assert isinstance(ended, CompleteRequest)
    assert ended.sandbox == "process"
    ended = await server.end(stronger)
    assert isinstance(ended, FailRequest)
    assert (ended.code, ended.sandbox) == ("sandbox_unavailable", None)
    await crew.stop()
    crew.workers.clear()
    await isolation.close()
