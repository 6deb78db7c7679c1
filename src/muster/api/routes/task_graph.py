"""What a task hangs together with."""

from __future__ import annotations

from typing import Final

from muster.api.routing import Route
from muster.api.schemas.task_graph import GraphEdge, GraphNode, TaskGraph
from muster.api.services import ServicesHere
from muster.api.task_shapes import task_row
from muster.domain import ids
from muster.projections.task_graph import task_graph


async def get_task_graph(services: ServicesHere, task_id: str) -> TaskGraph:
    """What a task waits for, its parts, and what waits for it, each over as many steps as there are.

    At most 200 tasks.
    """
    store = services.store
    graph = await task_graph(store, ids.decode(ids.TASK, task_id), store.now())
    return TaskGraph(
        nodes=[
            GraphNode(task=task_row(node.row), owns=list(node.owns), files=node.files, shared=node.shared)
            for node in graph.nodes
        ],
        edges=[
            GraphEdge(
                before=ids.encode(ids.TASK, edge.before),
                after=ids.encode(ids.TASK, edge.after),
                kind=edge.kind,
            )
            for edge in graph.edges
        ],
        more=graph.more,
    )


ROUTES: Final = (Route("GET", "/tasks/{task_id}/graph", get_task_graph, (404,)),)
