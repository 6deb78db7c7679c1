"""What `muster up --demo` queues."""

from __future__ import annotations

from pathlib import Path

from muster.bootstrap.demo import seed
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from tests.api.asgi import Api


async def test_the_demo_is_queued_once_however_often_it_is_started(api: Api, tmp_path: Path) -> None:
    """SQ-20: and again when part of it was purged"""
    client = Client(InProcessTransport(api.app), token=None)
    first = await seed(client, tmp_path / "demo")
    again = await seed(client, tmp_path / "demo")
    assert (first.known, again.known) == (False, True)
    assert again.task_ids == first.task_ids
    assert again.session_id == first.session_id
    await client.close()
