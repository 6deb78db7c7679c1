"""The dialects keep to the OpenAPI document whatever is sent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from muster.scripts.index import ScriptIndex
from tests.api.fuzzing import fuzz, served

GROUPS = {
    "mission control": ("/api/ventures", "/api/tasks", "/api/agents", "/api/activities"),
    "swarm": ("/claim", "/heartbeat", "/complete", "/api/tickets", "/api/projects"),
    "sparkq": ("/sparkq/api",),
}


@pytest.fixture
def where(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "muster.db"))


@pytest.mark.document
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
def test_whatever_is_sent_is_answered_as_documented(group: str, where: Path, scripts: ScriptIndex) -> None:
    """MC-10, SW-10, OD-42: schemathesis, all its checks, in all its phases"""
    with served(where, scripts) as here:
        report = fuzz(here, GROUPS[group], examples=2)
    assert not report.errors, report.errors
    assert report.cases > 50, report.phases
    assert not report.found, "\n".join(map(str, report.found.values()))
