"""`muster compare`, against a real server."""

from __future__ import annotations

import pytest

from muster.cli.compare import change, files_of, took, why_of
from muster.cli.connection import Connection, path
from tests.cli import test_conversation
from tests.cli.conftest import Muster

server = test_conversation.server
live = test_conversation.live
connection = test_conversation.connection


@pytest.fixture
def tried(connection: Connection) -> str:
    """A task that failed once and then went well, having changed other files."""
    task = str(connection.post(path("tasks"), {"kind": "manual", "title": "mend"})["id"])
    for number, (name, more, ended) in enumerate(
        (
            ("a.py", {"code": "exit_nonzero", "message": "3 failed\nmore", "exit_code": 2}, "fail"),
            ("b.py", {"output": "All is well."}, "complete"),
        )
    ):
        if number:
            connection.post(path("tasks", task, "requeue"))
        (held,) = connection.post(path("tasks", task, "claim"), {"agent_id": "ann"})["claims"]

        def tell(
            noun: str, attempt: str = str(held["attempt_id"]), token: str = held["token"], **fields: object
        ) -> None:
            connection.post(path("attempts", attempt, noun), {"token": token, **fields})

        tell("run", agent="claude", model="m-1")
        file = {"change": "created", "additions": number + 1, "deletions": 0}
        tell("files", files=[{"path": name, **file}, {"path": "both.py", **file}])
        tell(ended, **more)
    return task


class TestCompare:
    def test_the_last_two_attempts_stand_beside_each_other(self, live: Muster, tried: str) -> None:
        """OD-6"""
        shown = live("compare", tried).out
        rows = {line[: line.index("  ")]: line.split() for line in shown.splitlines()[1:]}
        assert rows["State"] == ["State", "failed", "succeeded"]
        assert "exit_nonzero, exit 2, 3 failed" in shown
        assert rows["Files changed"] == ["Files", "changed", "2,", "+2", "-0", "2,", "+4", "-0"]
        assert rows["a.py"] == ["a.py", "changed", "-"]
        assert "All is well." in shown

    def test_programs_get_the_figures_as_numbers(self, live: Muster, tried: str) -> None:
        """OD-6"""
        found = live("compare", tried, "2", "1", "--json").json
        assert (found["a"]["attempt"], found["b"]["attempt"]) == (2, 1)
        assert (found["a"]["state"], found["a"]["files_changed"], found["a"]["additions"]) == (
            "succeeded",
            2,
            4,
        )
        assert found["a"]["result"] == "All is well."
        assert found["files"][2] == {"path": "both.py", "a": True, "b": True, "same": False}
        assert live("compare", tried, "1", "--json").json["b"]["attempt"] == 2

    def test_two_tasks_are_compared_by_their_last_attempts(
        self, live: Muster, connection: Connection, tried: str
    ) -> None:
        """OD-6"""
        other = str(connection.post(path("tasks"), {"kind": "manual", "title": "again"})["id"])
        assert live("compare", tried, other).code == 4
        connection.post(path("tasks", other, "claim"), {"agent_id": "ann"})
        found = live("compare", tried, other, "--json").json
        assert [found[side]["task_id"] for side in "ab"] == [tried, other]
        assert found["b"]["ended_because"] == "it runs"
        refused = live("compare", other)
        assert refused.code == 5
        assert "was tried once" in refused.err
        assert live("compare", tried, "1", "9").code == 4


def test_figures_read_as_on_the_compare_page() -> None:
    """OD-6"""
    assert [change(10, 15), change(10, 5), change(0, 5), change(5, 5)] == ["+50%", "-50%", "", ""]
    assert [took(2.04), took(59), took(65), took(3_700)] == ["2.0s", "59s", "1m 05s", "1h 01m"]
    assert why_of({"state": "running", "message": "Editing"}) == "Editing"
    ended = {"state": "succeeded", "code": None, "exit_code": 0, "error": None}
    assert why_of(ended) == "done"
    one = {"produced": [{"path": "a", "additions": 1, "deletions": 0}]}
    assert files_of(one, one) == [{"path": "a", "a": True, "b": True, "same": True}]
