"""The real programs, one server and one model server for each module, and a word about whether all of it ran."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.real_agents.bench import Fleet, Models, start_server
from tools.real_agents import NotInstalled
from tools.real_agents import programs as installed

REQUIRED = "MUSTER_REQUIRE_AGENTS"
HERE = Path(__file__).parent
PASSED: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("agents")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed and report.nodeid.startswith("tests/real_agents/"):
        PASSED.append(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    try:
        installed()
    except NotInstalled as missing:
        terminalreporter.write_line(f"Real agents NOT RUN: {missing}", red=True, bold=True)
    else:
        if PASSED:
            terminalreporter.write_line(f"Real agents: {len(PASSED)} tests passed")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with the real programs; without it the test is not run, or fails where they are required."""
    try:
        return installed()
    except NotInstalled as missing:
        if os.environ.get(REQUIRED, "") not in {"", "0"}:
            pytest.fail(f"the real agents are required and not there: {missing}")
        pytest.skip(f"real agents: {missing}")


@pytest.fixture(scope="module")
def running(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A server with the real programs on SQLite, for all tests of the module."""
    folder = tmp_path_factory.mktemp("fleet")
    models = Models.start(folder)
    server = start_server(folder, str(folder / "muster.db"), programs, models)
    asyncio.run(server.start())
    yield Fleet(server, models)
    server.stop()
    models.stop()


@pytest.fixture
async def fleet(running: Fleet) -> AsyncIterator[Fleet]:
    """The same with a client of the test's own."""
    made = Fleet(running.server, running.models)
    yield made
    await made.close()
