"""The order in which waiting tasks of a queue are handed out, and how one is put elsewhere in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def rearranged(line: Sequence[int], places: Mapping[int, int], moved: int, target: int) -> dict[int, int]:
    """Who gets another place when `moved` is put at index `target` of `line`, the others as they stand in it.

    `places` has everybody's place, `moved`'s too. Places are handed on among them and never made up, so that no two tasks
    ever share one.
    """
    order = [*line[:target], moved, *line[target:]]
    free = sorted(places[task] for task in order)
    return {task: place for task, place in zip(order, free, strict=True) if places[task] != place}
