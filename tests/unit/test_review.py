"""Reviews of results: what a verdict needs, what an agent is told, and where lines went."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from muster.domain import ids
from muster.domain.attempt import Held
from muster.domain.errors import InvalidInput
from muster.domain.events import (
    AttemptStarted,
    AttemptSucceeded,
    Payload,
    TaskRemoved,
    TaskRequeued,
    TaskSubmitted,
)
from muster.domain.events_reviews import (
    CommentEdited,
    CommentRemoved,
    CommentWritten,
    TaskReviewed,
    TaskSeen,
    TaskUnseen,
)
from muster.domain.queue import Queue
from muster.domain.replay import evolve
from muster.domain.replay_world import Fact, World
from muster.domain.review import (
    MAX_MESSAGE,
    Comment,
    NothingSaid,
    ReviewState,
    Side,
    Verdict,
    after_success,
    check_verdict,
    follow,
    message_for,
    satisfied,
    standing_words,
)
from muster.domain.task import TaskSpec, TaskState
from muster.domain.waiting import Blocker, blocked_hold

COMMIT = "4f1c09a2d0b7f6f1c3f0a5a1f3d7c6f1f5b1a2c3"
NOTE = Comment(path="src/a.py", text="Why not a set?", commit=COMMIT, first=18, last=18)


def test_only_reviewed_or_unreviewed_success_lets_others_go_on() -> None:
    """SQ-12"""
    good = [review for review in ReviewState if satisfied(TaskState.SUCCEEDED, review)]
    assert good == [ReviewState.NONE, ReviewState.APPROVED, ReviewState.UNSEEN]
    assert not satisfied(TaskState.FAILED, ReviewState.APPROVED)
    assert [review.label for review in ReviewState][3] == "changes_requested"


def test_what_left_commits_is_to_be_looked_at_and_a_verdict_is_wanted_only_where_the_queue_says_so() -> None:
    """SQ-12"""
    assert after_success(strict=True, left=True) is ReviewState.PENDING
    assert after_success(strict=False, left=True) is ReviewState.UNSEEN
    assert after_success(strict=False, left=False) is ReviewState.NONE


def test_a_queue_is_relaxed_unless_it_is_made_strict() -> None:
    """SQ-12"""
    assert Queue(name="q").approval == "relaxed"
    with pytest.raises(InvalidInput, match="approval"):
        Queue(name="q", approval="lenient")
    held = Held(1, 2, 3, "running", 1, "ann", 0, 40, 1, 5, 6, 0, 3, 0, None)
    assert [held.strict, replace(held, approval="strict").strict] == [False, True]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"path": ""}, "path"),
        ({"path": "a\nb"}, "path"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"side": "left"}, "side"),
        ({"first": 0}, "line"),
        ({"first": 9, "last": 8}, "end_line"),
        ({"hunk": "x" * 8_001}, "hunk"),
    ],
)
def test_a_comment_says_something_of_real_lines(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(NOTE, **changes)
    assert refused.value.details["field"] == field


def test_a_rejection_says_why_and_a_request_says_what() -> None:
    """SW-2"""
    check_verdict(Verdict.APPROVE, "", [])
    check_verdict(Verdict.REJECT, "Not wanted.", [])
    check_verdict(Verdict.REQUEST_CHANGES, "", [NOTE])
    with pytest.raises(InvalidInput, match="note"):
        check_verdict(Verdict.REJECT, " ", [NOTE])
    with pytest.raises(NothingSaid):
        check_verdict(Verdict.REQUEST_CHANGES, " ", [])


def test_an_agent_is_told_everything_at_once_with_the_lines_it_is_about() -> None:
    """SQ-12, SW-2"""
    old = Comment(
        path="b.py", text="Keep these.", commit=COMMIT, side=Side.OLD, first=2, last=3, hunk="x = 1\ny = 2"
    )
    assert message_for(COMMIT, "Nearly there.", [NOTE, old]) == (
        "A person reviewed your work (commit 4f1c09a2) and asks for changes.\n\n"
        "Nearly there.\n\n"
        "## src/a.py line 18\n\nWhy not a set?\n\n"
        "## b.py lines 2 to 3 (before the change)\n\n> x = 1\n> y = 2\n\nKeep these."
    )
    assert message_for("", "", [NOTE]).startswith("A person reviewed your work and asks for changes.")
    with pytest.raises(InvalidInput, match=str(MAX_MESSAGE)):
        message_for("", "", [replace(NOTE, text="x" * 10_000)] * 25)


def test_how_a_result_stands_is_a_sentence() -> None:
    """A verdict binds to the commit that was seen."""
    approved = {"last": ReviewState.APPROVED, "commit": COMMIT}
    assert standing_words(ReviewState.NONE) == "Not reviewed"
    assert standing_words(ReviewState.PENDING) == "Waits for a verdict"
    assert standing_words(ReviewState.APPROVED, **approved) == "Approved at 4f1c09a2"
    assert standing_words(ReviewState.REJECTED, last=ReviewState.REJECTED) == "Rejected"
    void = "Approved at 4f1c09a2. 2 new commits since: review again"
    assert standing_words(ReviewState.PENDING, **approved, void=True, new_commits=2) == void
    assert "1 new commit since" in standing_words(ReviewState.PENDING, **approved, void=True, new_commits=1)
    assert "another one since" in standing_words(ReviewState.PENDING, **approved, void=True)


DIFF = """\
diff --git a/a b/a
--- a/a
+++ b/a
@@ -2,4 +2,5 @@ head
 two
-three
+3
+3.5
 four
 five
@@ -10,0 +12,2 @@
+new
+newer
@@ -20 +23,0 @@
-twenty
\\ No newline at end of file
"""


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (1, 1, (1, 1)),
        (2, 2, (2, 2)),
        (3, 3, None),
        (4, 5, (5, 6)),
        (7, 9, (8, 10)),
        (10, 10, (11, 11)),
        (10, 11, None),
        (11, 11, (14, 14)),
        (20, 20, None),
        (21, 22, (23, 24)),
        (2, 4, None),
        (19, 21, None),
    ],
)
def test_a_comment_follows_lines_that_were_not_touched(
    first: int, last: int, found: tuple[int, int] | None
) -> None:
    assert follow(DIFF, first, last) == found


def test_lines_that_were_swapped_for_as_many_others_are_lost() -> None:
    """Its ends stand as far apart as before, but one in between is another."""
    diff = "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    assert follow(diff, 1, 3) is None


def test_a_task_behind_a_result_that_nobody_looked_at_says_so() -> None:
    """SQ-12"""
    seen = Blocker(5, TaskState.SUCCEEDED, ReviewState.PENDING)
    hold = blocked_hold([seen])
    assert (hold.code, hold.message) == ("review", f"{ids.encode(ids.TASK, 5)}'s result is not reviewed yet")
    assert "(and 1 more)" in blocked_hold([seen, replace(seen, task_id=6)]).message
    assert blocked_hold([seen, Blocker(7, TaskState.RUNNING)]).code == "blocked_by"
    rejected = blocked_hold([seen, Blocker(8, TaskState.SUCCEEDED, ReviewState.REJECTED)])
    assert rejected.code == "dependency_failed"
    assert "was rejected" in rejected.message


TASK, OTHER, ATTEMPT = 10, 11, 20
REVIEW, DRAFT = ids.encode(ids.REVIEW, 30), ids.encode(ids.COMMENT, 40)


class Log:
    """A strict task that succeeded, and another that waits for it."""

    def __init__(self) -> None:
        self.world = World()
        self.seq = 0
        about = {"queue_id": ids.encode(ids.QUEUE, 2), "priority": 2, "timeout_us": 1, "estimate": 0}
        for task, more in ((TASK, {}), (OTHER, {"depends_on": [ids.encode(ids.TASK, TASK)]})):
            made = TaskSubmitted(
                spec=TaskSpec(title="t"), task_kind="prompt", state=30, max_attempts=3, **about, **more
            )
            self.add(made, task_id=task, project_id=1)
        self.add(AttemptStarted(1, None, 1), attempt_id=ATTEMPT, agent_id="ann")
        self.add(AttemptSucceeded(0, review=True), attempt_id=ATTEMPT)

    def add(self, payload: Payload, **about: Any) -> None:
        self.seq += 1
        evolve(self.world, Fact(self.seq, self.seq, payload, **({"task_id": TASK} | about)))

    def write(self) -> None:
        self.add(CommentWritten(DRAFT, {"path": "a", "text": "hm"}), attempt_id=ATTEMPT)

    def review(self, verdict: str, comments: list[str]) -> None:
        self.add(TaskReviewed(REVIEW, verdict, COMMIT, "", "ann", "", comments), attempt_id=ATTEMPT)


def test_the_log_tells_what_waits_for_a_verdict_and_what_it_was() -> None:
    """SW-4a"""
    log = Log()
    assert log.world.tasks[TASK].review is ReviewState.PENDING
    assert log.world.tasks[OTHER].blockers == 1
    log.write()
    log.add(CommentEdited(DRAFT, {"text": "Hm."}))
    log.review("approve", [DRAFT])
    task = log.world.tasks[TASK]
    assert (task.review, task.review_id, log.world.tasks[OTHER].blockers) == (ReviewState.APPROVED, 30, 0)
    comment = log.world.review_comments[40].columns
    assert (comment["text"], comment["review_id"], comment["attempt_id"]) == ("Hm.", 30, ATTEMPT)
    assert log.world.reviews[30].columns["commit_id"] == COMMIT
    log.add(TaskRequeued(30, 0))
    assert (task.review, task.review_id) == (ReviewState.NONE, 30)
    log.add(TaskRemoved("deleted"))
    assert (log.world.reviews, log.world.review_comments, log.world.strays) == ({}, {}, [])


def test_a_result_that_was_set_aside_is_not_among_those_nobody_looked_at() -> None:
    log = Log()
    log.add(TaskRequeued(30, 0))
    log.add(AttemptStarted(2, None, 1), attempt_id=ATTEMPT + 1, agent_id="ann")
    log.add(AttemptSucceeded(0, unseen=True), attempt_id=ATTEMPT + 1)
    task = log.world.tasks[TASK]
    assert (task.review, log.world.tasks[OTHER].blockers) == (ReviewState.UNSEEN, 0)
    log.add(TaskSeen("seen", "ann"))
    assert (task.review, task.updated_at, log.world.strays) == (ReviewState.NONE, log.seq, [])
    log.add(TaskUnseen("ann"))
    assert (task.review, task.updated_at, log.world.strays) == (ReviewState.UNSEEN, log.seq, [])


def test_requested_changes_stay_requested_however_often_it_is_queued() -> None:
    log = Log()
    log.review("request_changes", [])
    log.add(TaskRequeued(30, 0))
    assert log.world.tasks[TASK].review is ReviewState.CHANGES_REQUESTED
    assert log.world.tasks[OTHER].blockers == 1


def test_events_about_comments_that_are_not_there_are_strays() -> None:
    log = Log()
    log.add(CommentEdited(DRAFT, {}))
    log.add(CommentRemoved(DRAFT))
    log.review("approve", [DRAFT])
    log.add(CommentRemoved(DRAFT), task_id=99)
    log.write()
    log.add(CommentRemoved(DRAFT))
    assert len(log.world.strays) == 4
