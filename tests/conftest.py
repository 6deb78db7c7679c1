"""What every test can count on: uvloop, no network but loopback, a clean environment, PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import uvloop

from tests.postgres import NOT_RUN, Databases, Guard, Migrate, Server, ask_guard, find_server

GUARD = "MUSTER_TEST_POSTGRES_GUARD"
REQUIRED = "MUSTER_REQUIRE_POSTGRES"
POSTGRES_FIXTURES = {"postgres", "postgres_url", "postgres_template"}
KEPT = {
    *(GUARD, REQUIRED, "MUSTER_AGENTS_CACHE", "MUSTER_REQUIRE_AGENTS"),
    *("MUSTER_FIRECRACKER_CACHE", "MUSTER_REQUIRE_FIRECRACKER", "MUSTER_EMULATED_LOG"),
}
# A database a test: made ten times as fast. A server that is killed loses nothing by it, only a machine would.
UNFLUSHED = {"fsync": "off", "full_page_writes": "off"}
LONG = ("tests/web/", "tests/e2e/", "tests/sandboxes/", "tests/api/test_document.py")
"""Where the tests are that take long, most of all first."""
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


class Run:
    """What one pytest process knows of the run it is part of."""

    def __init__(self, config: pytest.Config) -> None:
        self.is_worker = hasattr(config, "workerinput")
        self.server: Server | None = find_server()
        self.required = os.environ.get(REQUIRED, "") not in {"", "0"}
        self.guard: Guard | None = None
        self.home: str | None = None
        self.on_postgres = 0


RUN = pytest.StashKey[Run]()

# The same examples every time, so that no run fails by chance; the other profile looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    run = config.stash[RUN] = Run(config)
    for name in [name for name in os.environ if name.startswith("MUSTER_") and name not in KEPT]:
        del os.environ[name]
    if not run.is_worker:
        os.environ.pop(GUARD, None)
        run.home = tempfile.mkdtemp(prefix="muster-test-home-")
        for name in ("CONFIG", "DATA", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = os.path.join(run.home, name.lower())  # noqa: PTH118 - environment
    config.pluginmanager.register(PostgresTally(run), "postgres-tally")
    confine()


def confine() -> None:
    """Let sockets reach nothing but loopback.

    Not by an audit hook: one in Python lets another thread run in the middle of `sys.settrace`, which then fails there
    when that thread is traced from its start, as coverage does.
    """
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def confined_connect(self: socket.socket, address: Any) -> None:
        refuse_remote(address)
        connect(self, address)

    def confined_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_remote(address)
        return connect_ex(self, address)

    def confined_look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        refuse_remote((host,))
        return look_up(host, *arguments, **named)

    socket.socket.connect = confined_connect  # type: ignore[method-assign]
    socket.socket.connect_ex = confined_connect_ex  # type: ignore[method-assign]
    socket.getaddrinfo = confined_look_up


def refuse_remote(address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else None
    host = host.decode() if isinstance(host, bytes) else host
    if host and not str(host).startswith(LOOPBACK):
        raise RuntimeError(f"a test may use no network but loopback, and this one tried {host}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    run = session.config.stash[RUN]
    if run.server is not None and not run.is_worker and not session.config.option.collectonly:
        run.guard = Guard.start(run.server, UNFLUSHED, in_memory=True)
        os.environ[GUARD] = run.guard.address


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None and run.guard is not None:
        run.guard.stop()
    if run is not None and run.home is not None:
        shutil.rmtree(run.home, ignore_errors=True)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], Any]]:
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if POSTGRES_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("postgres")
        if item.get_closest_marker("postgres"):
            item.user_properties.append(("database", "postgres"))
        if is_measured(item):
            item.add_marker("measured")
    if config.stash[RUN].server is None:
        left_out = [item for item in items if item.get_closest_marker("postgres")]
        items[:] = [item for item in items if not item.get_closest_marker("postgres")]
        config.hook.pytest_deselected(items=left_out)


def is_measured(item: pytest.Item) -> bool:
    """Whether a test runs with coverage, which makes Python half as slow again.

    Those do that call the code in their own process, the store's on both databases, all others on SQLite. What is
    proved through servers, workers and browsers, or again on PostgreSQL, runs at full speed.
    """
    if item.nodeid.startswith(("tests/web/", "tests/e2e/")) or item.get_closest_marker("document"):
        return False
    return item.nodeid.startswith("tests/store/") or not item.get_closest_marker("postgres")


@pytest.hookimpl(trylast=True, specname="pytest_collection_modifyitems")
def pytest_collection_dealt(config: pytest.Config, items: list[pytest.Item]) -> None:
    """After tests were deselected."""
    if config.stash[RUN].is_worker:
        items[:] = spread(items, config.workerinput["workercount"])  # type: ignore[attr-defined]


def spread(items: list[pytest.Item], hands: int) -> list[pytest.Item]:
    """The tests in an order in which each process is dealt some that take long, and begins with them.

    xdist's `worksteal` deals the list in as many pieces; whoever is done takes half of what another one has left.
    """
    heads: list[list[pytest.Item]] = [[] for _ in range(hands)]
    rest: list[pytest.Item] = []
    for item in items:
        folder = next((number for number, name in enumerate(LONG) if item.nodeid.startswith(name)), None)
        (rest if folder is None else heads[folder % hands]).append(item)
    dealt: list[pytest.Item] = []
    for hand in heads:
        fill = max(0, len(items) // hands - len(hand))
        dealt += [*hand, *rest[:fill]]
        del rest[:fill]
    return [*dealt, *rest]


class PostgresTally:
    """Counts, over all workers of a run, the tests that passed on PostgreSQL."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (
            report.when == "call"
            and report.passed
            and ("database", "postgres") in map(tuple, report.user_properties)
        ):
            self.run.on_postgres += 1


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash[RUN]
    if run.is_worker or not run.required or run.on_postgres:
        return
    if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    run = config.stash[RUN]
    if run.server is None:
        terminalreporter.write_line(NOT_RUN, red=True, bold=True)
    elif run.on_postgres:
        terminalreporter.write_line(
            f"PostgreSQL part: {run.on_postgres} tests passed on PostgreSQL {run.server.version}"
        )
    elif run.required:
        terminalreporter.write_line("PostgreSQL part NOT RUN: no test of it passed", red=True, bold=True)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Makes and drops databases on the run's cluster, which starts when first needed."""
    address = os.environ.get(GUARD)
    if address is None:
        pytest.skip(NOT_RUN)
    databases = Databases(ask_guard(address), prefix=os.environ.get("PYTEST_XDIST_WORKER", "main"))
    yield databases
    databases.close()


@pytest.fixture
def postgres_url(postgres: Databases) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    url = postgres.empty()
    yield url
    postgres.drop(url)


@pytest.fixture
def postgres_template(postgres: Databases) -> Iterator[Callable[[Migrate], str]]:
    """Call it with `migrate(url)` (sync or async) for the URL of a database that it filled.

    `migrate` runs once per process on a template; each call gets a copy of that, dropped after the test.
    """
    made: list[str] = []

    def fresh(migrate: Migrate) -> str:
        made.append(postgres.migrated(migrate))
        return made[-1]

    yield fresh
    for url in made:
        postgres.drop(url)
