"""Dependencies between tasks form a graph without cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def find_cycle(edges: Mapping[str, Sequence[str]]) -> list[str] | None:
    """A cycle in `edges` (node -> nodes it depends on) as the path that closes it, or None."""
    done: set[str] = set()
    for root in edges:
        if root not in done:
            cycle = _search(root, edges, done)
            if cycle:
                return cycle
    return None


def _search(root: str, edges: Mapping[str, Sequence[str]], done: set[str]) -> list[str] | None:
    path: list[str] = [root]
    on_path = {root}
    stack = [iter(edges.get(root, ()))]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            node = path.pop()
            on_path.discard(node)
            done.add(node)
        elif step in on_path:
            return [*path[path.index(step) :], step]
        elif step not in done:
            path.append(step)
            on_path.add(step)
            stack.append(iter(edges.get(step, ())))
    return None
