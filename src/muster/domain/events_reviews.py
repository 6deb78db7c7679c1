"""Facts about reviews: verdicts on results and comments on their lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from muster.domain.payload import Payload


@dataclass(slots=True)
class TaskReviewed(Payload):
    """A person's verdict on a task's result, as it was at `commit` (empty: it left none). `comments` were sent with it;
    `message` is what the agent is told when changes are requested."""

    kind: ClassVar[str] = "task.reviewed"
    review_id: str
    verdict: str
    commit: str
    note: str
    by: str
    message: str = ""
    comments: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class TaskSeen(Payload):
    """A result is no longer among those nobody looked at: somebody set it aside (`seen`), or its work is in a branch of
    its repository (`merged`)."""

    kind: ClassVar[str] = "task.seen"
    how: str
    by: str = ""


@dataclass(slots=True)
class TaskUnseen(Payload):
    """A result that somebody had set aside is among those nobody looked at again."""

    kind: ClassVar[str] = "task.unseen"
    by: str = ""


@dataclass(slots=True)
class CommentWritten(Payload):
    """A comment on lines of a task's result was drafted; it is told to nobody before its review is sent."""

    kind: ClassVar[str] = "comment.written"
    comment_id: str
    fields: dict[str, Any]


@dataclass(slots=True)
class CommentEdited(Payload):
    """A comment's words were changed, or it was resolved or opened again."""

    kind: ClassVar[str] = "comment.edited"
    comment_id: str
    changes: dict[str, Any]


@dataclass(slots=True)
class CommentRemoved(Payload):
    """A comment was taken back."""

    kind: ClassVar[str] = "comment.removed"
    comment_id: str
