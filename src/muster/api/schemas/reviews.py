"""Shapes of reviews: verdicts on results, and comments on lines of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from muster.api.schemas.runs import FileTotals, ProducedFile
from muster.api.schemas.shape import Answer, Body, Moment, Name, Query, Text64, absent
from muster.api.schemas.task_git import Commit
from muster.api.schemas.tasks import Review

SAID = r"^[^\x00]*[^\x00 \t\r\n][^\x00]*$"
"""Not just blanks."""
VerdictName = Literal["approve", "request_changes", "reject"]
SideName = Literal["new", "old"]
FilePath = Annotated[
    str, StringConstraints(min_length=1, max_length=4_096, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
CommentText = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=SAID)]
Line = Annotated[int, Field(ge=1, le=10_000_000)]


class CommentCreate(Body):
    """A comment on lines of a file. It is a draft until the review is sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"path": "src/app.py", "line": 18, "text": "Why not a set?"}]}
    )

    path: FilePath
    line: Line
    end_line: Line | None = Field(default=None, description="The other end; default: `line`.")
    side: SideName = Field(default="new", description="old: the file as it was before the work.")
    commit: Commit | None = Field(
        default=None, description="The commit whose lines are counted. Default: the present one of that side."
    )
    text: CommentText
    by: Name | None = None


class CommentPatch(Body):
    """Fields to change; a comment that was sent keeps its words."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"resolved": True}]})

    text: CommentText = Field(default_factory=absent)
    resolved: bool = Field(default_factory=absent)


class CommentPlace(Answer):
    """Where the lines of a comment are in the present work."""

    path: str
    line: int
    end_line: int


class ReviewComment(Answer):
    """What somebody says of some lines."""

    id: str = Field(examples=["com_0dq3m8x1c7w00"])
    attempt: int | None
    review_id: str | None = Field(description="The review it was sent with; null: a draft.")
    path: str
    side: SideName
    line: int
    end_line: int
    commit: str = Field(description="The commit whose lines are counted.")
    hunk: str = Field(description="How the lines read then.")
    text: str
    now: CommentPlace | None = Field(
        description="The same lines in the present work; null: they were changed, so it is outdated."
    )
    resolved_at: Moment | None
    by: str | None
    created_at: Moment
    updated_at: Moment


class GivenVerdict(Answer):
    """A verdict that was given."""

    id: str = Field(examples=["rev_0dq3m8x1c7w00"])
    attempt: int | None
    verdict: VerdictName
    commit: str | None = Field(description="What was looked at.")
    note: str
    message: str = Field(description="What the agent was told.")
    by: str | None
    at: Moment


class TaskReview(Answer):
    """How a task's result stands with people."""

    task_id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    state: Review
    required: bool = Field(description="Nothing follows from the result before it is approved.")
    attempt: int = Field(description="Number of the last one; 0 when there is none yet.")
    commit: str | None = Field(description="The work as it is now; a verdict has to name it.")
    base_commit: str | None
    last: GivenVerdict | None = Field(description="The last verdict on any of its results.")
    void: bool = Field(description="The last verdict was on other work than is there now.")
    new_commits: int | None = Field(
        description="Commits since the last verdict; null: not known, or there is none."
    )
    words: str = Field(examples=["Approved at 4f1c09a2. 2 new commits since: review again"])
    comments: list[ReviewComment]
    reviews: list[GivenVerdict] = Field(description="All verdicts, the last first.")


class SeenRequest(Body):
    """That a result was looked at, and nothing is to be said of it."""

    by: Name | None = Field(default=None, description="Who says it.")


class ReviewRequest(Body):
    """A verdict. All drafts are sent with it; with `request_changes` they are one message to the agent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"verdict": "approve", "commit": "4f1c09a2d0b7f6f1c3f0a5a1f3d7c6f1f5b1a2c3"}],
            "if": {"properties": {"verdict": {"const": "reject"}}, "required": ["verdict"]},
            "then": {"required": ["note"], "properties": {"note": {"type": "string", "pattern": SAID}}},
        }
    )

    verdict: VerdictName
    commit: Commit | None = Field(
        default=None, description="What was looked at; null only for a result without a commit."
    )
    attempt: int | None = Field(default=None, ge=1, description="Which attempt's; default: the last one.")
    note: Text64 = Field(default="", description="Words for the whole; a rejection needs them.")
    by: Name | None = None


class SinceQuery(Query):
    """Since when."""

    since: Annotated[str, StringConstraints(pattern=r"^(last-review|[0-9a-f]{40,64})$")] = Field(
        default="last-review", description="`last-review`, or a commit."
    )


class SinceFileQuery(SinceQuery):
    """Of which file."""

    path: FilePath = Field(examples=["src/app.py"])


class NewChanges(Answer):
    """What changed in a task's work since a commit."""

    task_id: str
    since: str
    commit: str
    totals: FileTotals
    produced: list[ProducedFile]
