"""Shapes of how a task's work stands in git."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from muster.api.schemas.shape import Answer, Body, Moment, Name, Text

Commit = Annotated[str, StringConstraints(min_length=40, max_length=64, pattern=r"^[0-9a-f]+$")]


class MergeDone(Answer):
    """That work was merged."""

    commit: str = Field(description="The work.")
    into: str = Field(examples=["main"])
    merge_commit: str = Field(description="Where the branch was then.")
    way: Literal["merge", "squash"]
    by: str | None
    at: Moment


class TaskGit(Answer):
    """Where an attempt's work is, and how it stands to the branch it is to go into, looked up in the repository now.

    Ask on the server's own host: a repository elsewhere is not reached, and `problem` says so.
    """

    task_id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    attempt: int = Field(description="Number of the attempt; 0 when there is none yet.")
    attempt_id: str | None
    branch: str | None = Field(examples=["muster/tsk_0dq3m8x1c7w00"])
    base_branch: str | None = Field(description="The branch the work began at.", examples=["main"])
    base_commit: str | None
    workspace_kind: str | None
    pushed_to: str | None
    pull_request: str | None
    commit: str | None = Field(description="What is kept of the attempt; null before its end.")
    into: str | None = Field(description="The branch it is compared with.", examples=["main"])
    ahead: int | None = Field(description="Commits that are not in that branch.")
    behind: int | None = Field(description="Commits of that branch that are not in it.")
    merged: bool | None = Field(
        description="All of the work is in that branch: merged, squashed, rebased or picked."
    )
    dirty: int | None = Field(
        description="Files of the working copy that differ from the base and are not kept yet; null: there is none now."
    )
    last_merge: MergeDone | None = Field(
        description="The last merge of the task's work over muster; null: there was none, whatever git says."
    )
    problem: str | None = Field(description="Why something cannot be told.")


class MergeRequest(Body):
    """What to merge. `commit` is the one that was looked at: when the work is another by now, nothing is merged."""

    commit: Commit = Field(examples=["4f1c09a2d0b7f6f1c3f0a5a1f3d7c6f1f5b1a2c3"])
    attempt: int | None = Field(default=None, ge=1, description="Default: the last one.")
    into: Name | None = Field(default=None, description="A branch. Default: the one the work began at.")
    way: Literal["merge", "squash"] = Field(
        default="merge", description="A merge commit, or all of the work as one commit."
    )
    message: Text | None = Field(
        default=None, description="Of the commit. Default: made from the task's title."
    )
    by: Name | None = Field(default=None, description="Who merges; kept in the log.")


class TaskMerge(Answer):
    """What a merge did."""

    task_id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    attempt: int
    commit: str = Field(description="The work.")
    into: str = Field(examples=["main"])
    way: Literal["merge", "squash"]
    before: str = Field(description="Where the branch was.")
    merge_commit: str = Field(
        description="Where the branch is now; as `before` when it had all of the work already."
    )
    already: bool = Field(description="The branch had all of the work before; nothing was changed.")
