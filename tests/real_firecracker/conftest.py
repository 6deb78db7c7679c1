"""Marks the tests of this folder, and says whether they ran."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REQUIRED = "MUSTER_REQUIRE_FIRECRACKER"
HERE = Path(__file__).parent
PASSED: list[str] = []
NOT_RUN: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("firecracker")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if not report.nodeid.startswith("tests/real_firecracker/"):
        return
    if report.when == "call" and report.passed:
        PASSED.append(report.nodeid)
    if report.when == "setup" and report.skipped and isinstance(report.longrepr, tuple):
        NOT_RUN[:] = [report.longrepr[2]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if NOT_RUN:
        terminalreporter.write_line(f"Real Firecracker NOT RUN: {NOT_RUN[0]}", red=True, bold=True)
    elif PASSED:
        terminalreporter.write_line(f"Real Firecracker: {len(PASSED)} tests passed")


def not_here(why: str) -> None:
    """Skip, or fail where the environment demands these tests."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but: {why}")
    pytest.skip(why)
