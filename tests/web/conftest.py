"""Servers and a repository for tests in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.server import KillableServer
from tests.repositories import begin_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    return begin_repository(tmp_path / "greetings", "# Greetings\n")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KillableServer]:
    """A server as anybody starts it."""
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[KillableServer]:
    """A server that can run four things at once, so that agents which ask hold up nobody."""
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    made.environ["MUSTER_WORKER_CAPACITY"] = "4"
    await made.start()
    yield made
    if made.process is not None:
        made.stop()
