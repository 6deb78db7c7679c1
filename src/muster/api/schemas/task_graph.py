"""Shapes of what a task hangs together with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muster.api.schemas.shape import Answer
from muster.api.schemas.tasks import TaskRow


class GraphNode(Answer):
    """A task of the graph."""

    task: TaskRow
    owns: list[str] = Field(description="Globs of the files it may change; empty: all of them.")
    files: int = Field(description="Files its last attempt changed; counted for tasks that own some.")
    shared: list[str] = Field(description="Of these, files that another task of the graph changed too.")


class GraphEdge(Answer):
    """`depends`: `after` waits for `before`. `part`: `after` is a part of `before`."""

    before: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    after: str
    kind: Literal["depends", "part"]


class TaskGraph(Answer):
    """A task with what is before and after it, and its parts."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    more: bool = Field(description="There are others, which are not shown.")
