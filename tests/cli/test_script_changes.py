"""What is said of the files a script changed: it works in the folder itself, and nobody compares (SQ-2, SW-4i)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Muster


def latest(live: Muster, title: str) -> str:
    """The task of this title; not by its words, which are searched a moment later."""
    return next(str(row["id"]) for row in live("tasks", "--json").json if row["title"] == title)


def queued(live: Muster, folder: Path, task: dict[str, Any]) -> str:
    lines = folder / "tasks.jsonl"
    lines.write_text(json.dumps(task) + "\n")
    assert live("enqueue", "--jsonl", str(lines)).code == 0
    return latest(live, task["title"])


def agent(live: Muster, folder: Path, repository: Path, **payload: Any) -> str:
    task = {"title": f"{payload['agent']}words", "kind": "prompt", "working_dir": str(repository)}
    return queued(live, folder, {**task, "payload": payload})


class TestScripts:
    def test_a_script_changes_the_folder_itself_and_nothing_is_said_not_to_have_changed(
        self, live: Muster, repository: Path
    ) -> None:
        ended = live("run", "--bash", "echo hi > zz.txt", "-C", str(repository), "--title", "greetwords")
        assert (ended.code, (repository / "zz.txt").read_text()) == (0, "hi\n")
        task = latest(live, "greetwords")
        for shown in (live("diff", task), live("files", task)):
            assert f"it worked in {repository} itself" in shown.out + shown.err
            assert "changed no files" not in shown.out + shown.err
        assert live("files", task, "--json").json["tracked"] is False

    def test_without_a_folder_it_worked_in_one_that_is_gone(self, live: Muster) -> None:
        assert live("run", "--bash", "echo hi > zz.txt", "--title", "nowherewords").code == 0
        shown = live("diff", latest(live, "nowherewords"))
        assert "an empty folder of its own" in shown.out + shown.err

    def test_what_was_not_tried_is_said_to_be_so(self, live: Muster, tmp_path: Path) -> None:
        task = queued(live, tmp_path, {"title": "manualwords", "kind": "manual"})
        shown = live("files", task)
        assert "was not tried yet" in shown.out + shown.err


class TestOnABranchOfItsOwn:
    def test_a_command_line_that_is_run_as_an_agent_leaves_a_branch(
        self, live: Muster, repository: Path, tmp_path: Path
    ) -> None:
        """As docs/how-to/scripts.md shows it."""
        options = {"program": ["bash", "-c", "echo hi > zz.txt"]}
        task = agent(live, tmp_path, repository, agent="plain", prompt="Format it", agent_options=options)
        assert live("logs", "-f", task).code == 0
        assert "+hi" in live("diff", task).out
        assert live("files", task, "--json").json["tracked"] is True
        assert not (repository / "zz.txt").exists()

    def test_an_agent_that_changed_nothing_is_said_to_have_changed_nothing(
        self, live: Muster, repository: Path, tmp_path: Path
    ) -> None:
        options = {"script": [{"say": "Nothing to do."}]}
        task = agent(live, tmp_path, repository, agent="scripted", prompt="x", agent_options=options)
        assert live("logs", "-f", task).code == 0
        assert "changed no files" in live("files", task).err
