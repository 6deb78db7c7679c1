"""What a task hangs together with: what it waits for, its parts, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.tasks import TaskRow, task_rows
from muster.store.codec import decode_spec
from muster.store.database import Reader
from muster.store.statements import Statement

MOST: Final = 200
MOST_PATHS: Final = 5_000


@dataclass(slots=True)
class Edge:
    """`before` is done first, or is what `after` is a part of."""

    before: int
    after: int
    kind: Literal["depends", "part"]


@dataclass(slots=True)
class GraphNode:
    """A task of the graph. `owns` are the globs it may change; `shared`: files that another one changed too."""

    row: TaskRow
    owns: Sequence[str]
    files: int = 0
    shared: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class TaskGraph:
    """Edges lead from what is done first to what comes after it, and from a task to its parts. `more`: there are others."""

    nodes: list[GraphNode]
    edges: list[Edge]
    more: bool


_ONE: Final = Statement("SELECT parent_id FROM tasks WHERE id = ?1")
_PARTS: Final = Statement(
    f"SELECT parent_id, id FROM tasks WHERE parent_id IN_INTS(?1) ORDER BY id LIMIT {MOST + 1}"
)
_BEFORE: Final = Statement(
    f"SELECT depends_on, task_id FROM task_dependencies WHERE task_id IN_INTS(?1) ORDER BY 2, 1 LIMIT {MOST + 1}"
)
_AFTER: Final = Statement(
    f"SELECT depends_on, task_id FROM task_dependencies WHERE depends_on IN_INTS(?1) ORDER BY 1, 2 LIMIT {MOST + 1}"
)
_AMONG: Final = Statement(
    "SELECT depends_on, task_id FROM task_dependencies WHERE task_id IN_INTS(?1) AND depends_on IN_INTS(?1) ORDER BY 1, 2"
)
_SPECS: Final = Statement("SELECT id, doc FROM task_specs WHERE id IN_INTS(?1)")
_PATHS: Final = Statement(
    "SELECT a.task_id, f.path FROM tasks t JOIN attempts a ON a.id = t.attempt_id "
    "JOIN file_changes f ON f.attempt_id = a.id WHERE t.id IN_INTS(?1) "
    f"ORDER BY f.path, t.id LIMIT {MOST_PATHS}"
)


async def task_graph(reader: Reader, task_id: int, now: int) -> TaskGraph:
    """The graph around a task, as it is at `now` (microseconds). NotFound."""
    rows = await reader.rows(_ONE, task_id)
    if not rows:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    found: dict[int, None] = {task_id: None}
    parts = [(int(parent), int(part)) for parent, part in await reader.rows(_PARTS, [task_id])]
    if rows[0][0] is not None:
        parts.insert(0, (int(rows[0][0]), task_id))
    more = _add(found, (one for edge in parts for one in edge))
    more = await _reach(reader, found, [task_id], _BEFORE, 0) or more
    more = await _reach(reader, found, [task_id], _AFTER, 1) or more
    nodes = await _nodes(reader, list(found), now)
    known = {node.row.id for node in nodes}
    edges = [Edge(parent, part, "part") for parent, part in parts if parent in known and part in known]
    among = await reader.rows(_AMONG, sorted(known))
    edges += [Edge(int(before), int(after), "depends") for before, after in among]
    return TaskGraph(nodes, edges, more)


async def _reach(
    reader: Reader, found: dict[int, None], start: Sequence[int], edges: Statement, end: int
) -> bool:
    """Add what is reached from some tasks in one direction; whether some of it was left out."""
    edge_of = list(start)
    more = False
    while edge_of and not more:
        reached = dict.fromkeys(int(row[end]) for row in await reader.rows(edges, edge_of))
        edge_of = [task for task in reached if task not in found]
        more = _add(found, edge_of)
    return more


def _add(found: dict[int, None], tasks: Iterable[int]) -> bool:
    for task in tasks:
        if task not in found and len(found) >= MOST:
            return True
        found[task] = None
    return False


async def _nodes(reader: Reader, tasks: list[int], now: int) -> list[GraphNode]:
    owns: dict[int, Sequence[str]] = {}
    for task, document in await reader.rows(_SPECS, tasks):
        listed = decode_spec(document).payload.get("owns")
        globs = cast(list[Any], listed) if isinstance(listed, list) else []
        owns[task] = [glob for glob in globs if isinstance(glob, str)]
    nodes = [GraphNode(row, owns.get(row.id, ())) for row in await task_rows(reader, tasks, now)]
    await _add_files(reader, {node.row.id: node for node in nodes if node.owns})
    return nodes


async def _add_files(reader: Reader, owners: dict[int, GraphNode]) -> None:
    if not owners:
        return
    by_path: dict[str, list[int]] = {}
    for task, path in await reader.rows(_PATHS, sorted(owners)):
        owners[task].files += 1
        by_path.setdefault(path, []).append(task)
    for path, tasks in by_path.items():
        for task in tasks if len(tasks) > 1 else ():
            owners[task].shared.append(path)
