"""Shapes of how a task's work stands in git."""

from __future__ import annotations

from pydantic import Field

from muster.api.schemas.shape import Answer


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
    problem: str | None = Field(description="Why something cannot be told.")
