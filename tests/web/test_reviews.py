"""Reviewing results in a real browser: strict queues, comments, new commits, and a change of 500 files."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.server import KillableServer
from tests.web import test_browser

pytestmark = test_browser.pytestmark


async def test_results_are_reviewed_from_the_first_comment_to_the_merge(
    server: KillableServer, repository: Path
) -> None:
    """SQ-12, SW-2"""
    test_browser.run_in_browser(server, "review.test.js", MUSTER_REPOSITORY=str(repository))


async def test_a_change_of_500_files_and_20000_lines_can_be_reviewed(
    server: KillableServer, repository: Path
) -> None:
    """SW-2: files are made when they are near the window, large ones start folded and say why."""
    test_browser.run_in_browser(server, "review-large.test.js", MUSTER_REPOSITORY=str(repository))


async def test_more_of_a_file_long_lines_and_questions_about_them(
    server: KillableServer, repository: Path
) -> None:
    """SW-2: context from the server, wrapping kept with the other settings, a question to the agent"""
    test_browser.run_in_browser(server, "review-lines.test.js", MUSTER_REPOSITORY=str(repository))
