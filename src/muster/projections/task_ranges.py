"""Which ranges of which index a list of tasks is read from.

A list is one range or several, each in the order of the list and cut at the page's length, merged.
The choice is made here and not left to the databases' guesses: the lanes' counters say how many
tasks there are of a kind, and conditions that must not attract an index are written as
expressions (`+t.project_id`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain import ids
from muster.domain.review import ReviewState
from muster.domain.task import TaskState
from muster.projections.overview import LONGEST_US
from muster.projections.search import TSQUERY
from muster.projections.stuck import STUCK
from muster.projections.task_filter import OPEN, LaneCount, TaskFilter
from muster.store.statements import Statement, for_each

FEW: Final = 5_000
"""So many entries of a covering index are sorted faster than a sparse range is searched."""
MERGED: Final = 40
"""More ranges than that are not merged."""

_MATCH: Final = re.compile(r"SEARCH_MATCH\((\?\d+)\)")
_MATCHING: Final = "f.document @@ " + TSQUERY.format(r"\1")


@dataclass(slots=True)
class Range:
    """A part of an index. `taken` names the filters it fulfils by itself, `key` the column with the id."""

    taken: frozenset[str]
    conditions: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    source: str = "tasks t"
    key: str = "t.id"


NOTHING_BOUND: Final = object()


def narrow_range(wanted: TaskFilter) -> Range | None:
    """The range of a filter that by itself leaves few tasks, if there is such a filter. `wanted.text` is a query
    of `search_for` here."""
    if wanted.text is not None:
        source = "task_search f CROSS JOIN tasks t"
        conditions: list[tuple[str, Any]] = [
            ("SEARCH_MATCH({})", wanted.text),
            ("t.id = SEARCH_KEY", NOTHING_BOUND),
        ]
        key = "SEARCH_SORTED" if wanted.rare else "SEARCH_KEY"
        return Range(frozenset({"text"}), conditions, source, key)
    if wanted.stuck:
        return Range(
            frozenset({"stuck"}), [("t.id = u.id", NOTHING_BOUND)], f"({STUCK}) u CROSS JOIN tasks t", "u.id"
        )
    if wanted.depends_on is not None:
        conditions = [("d.depends_on = {}", wanted.depends_on), ("t.id = d.task_id", NOTHING_BOUND)]
        source = "task_dependencies d CROSS JOIN tasks t"
        return Range(frozenset({"depends_on"}), conditions, source, "d.task_id")
    if wanted.reviews is not None and ReviewState.NONE not in wanted.reviews:
        known = f"t.review IN {_listed(wanted.reviews)} AND t.review > 0"
        return Range(frozenset({"reviews"}), [(known, NOTHING_BOUND)])
    if wanted.parent_id is not None:
        return Range(frozenset({"parent_id"}), [("t.parent_id = {}", wanted.parent_id)])
    if wanted.session_id is not None:
        return Range(frozenset({"session_id"}), [("t.session_id = {}", wanted.session_id)])
    if wanted.tag is not None:
        conditions = [("g.tag = {}", wanted.tag), ("t.id = g.task_id", NOTHING_BOUND)]
        return Range(frozenset({"tag"}), conditions, "task_tags g CROSS JOIN tasks t", "g.task_id")
    if wanted.agent_id is not None:
        conditions = [("g.agent_id = {}", wanted.agent_id), ("t.id = g.task_id", NOTHING_BOUND)]
        return Range(frozenset({"agent_id"}), conditions, "agent_tasks g CROSS JOIN tasks t", "g.task_id")
    return None


def _by_review(wanted: TaskFilter) -> list[Range]:
    """A range for each standing, as each is sorted by id and both together are not."""
    return [
        Range(frozenset({"reviews"}), [(f"t.review = {int(state)} AND t.review > 0", NOTHING_BOUND)])
        for state in sorted(wanted.reviews or ())
    ]


def _place_range(wanted: TaskFilter) -> Range:
    """Everything of a queue, a project, a type, or everything."""
    if wanted.queue_id is not None:
        return Range(frozenset({"queue_id"}), [("t.queue_id = {}", wanted.queue_id)])
    if wanted.project_id is not None:
        return Range(frozenset({"project_id"}), [("t.project_id = {}", wanted.project_id)])
    if wanted.type is not None:
        conditions: list[tuple[str, Any]] = [("s.type = {}", wanted.type), ("t.id = s.id", NOTHING_BOUND)]
        return Range(frozenset({"type"}), conditions, "task_specs s CROSS JOIN tasks t", "s.id")
    return Range(frozenset())


def ranges_by_id(
    wanted: TaskFilter, lanes: Sequence[LaneCount], queue_counts: Mapping[int, Mapping[TaskState, int]]
) -> list[Range]:
    """Ranges that are, or can quickly be, sorted by id. `lanes` are those the filter's places and kind leave;
    `queue_counts` are the finished tasks of their queues."""
    narrow = narrow_range(wanted)
    if narrow is not None:
        return _by_review(wanted) if "reviews" in narrow.taken and wanted.reviews else [narrow]
    if wanted.archived is True:
        return [Range(frozenset({"archived"}), [("t.archived_at IS NOT NULL", NOTHING_BOUND)])]
    if wanted.states is None:
        return [_place_range(wanted)]
    ranges: list[Range] = []
    waiting = _count(lanes, wanted.states & OPEN)
    if waiting:
        ranges.append(
            _open_range(wanted, lanes) if waiting <= FEW else _place_with(wanted, wanted.states & OPEN)
        )
    if _count(lanes, wanted.states - OPEN):
        ranges.extend(_closed_ranges(wanted, lanes, queue_counts))
    return ranges


def _count(lanes: Sequence[LaneCount], states: frozenset[TaskState]) -> int:
    return sum(lane.counts[state] for lane in lanes for state in states)


def _place_with(wanted: TaskFilter, states: frozenset[TaskState]) -> Range:
    found = _place_range(wanted)
    found.conditions.append((f"+t.state IN {_listed(states)}", NOTHING_BOUND))
    found.taken |= {"states"}
    return found


def _listed(states: frozenset[TaskState] | frozenset[ReviewState]) -> str:
    return "(" + ", ".join(str(int(state)) for state in sorted(states)) + ")"


def _open_range(wanted: TaskFilter, lanes: Sequence[LaneCount]) -> Range:
    states = (wanted.states or frozenset()) & OPEN
    found = Range(
        frozenset({"states", "archived"}),
        [(f"t.state IN {_listed(states)} AND t.state < 60", NOTHING_BOUND)],
        key="+t.id",
    )
    if wanted.in_lanes:
        found.taken |= {"queue_id", "project_id", "kind"}
        occupied = [lane.lane_id for lane in lanes if any(lane.counts[state] for state in states)]
        found.conditions.append(("t.lane_id IN_INTS({})", occupied))
    return found


def _closed_ranges(
    wanted: TaskFilter, lanes: Sequence[LaneCount], queue_counts: Mapping[int, Mapping[TaskState, int]]
) -> list[Range]:
    states = (wanted.states or frozenset()) - OPEN
    if wanted.archived is None:
        return [_place_with(wanted, states)]
    seen = "AND t.state >= 60 AND t.archived_at IS NULL"
    taken = frozenset({"states", "archived"})
    if not wanted.in_lanes:
        return [Range(taken, [(f"t.state = {int(state)} {seen}", NOTHING_BOUND)]) for state in sorted(states)]
    pairs = [
        (queue, state)
        for queue in sorted({lane.queue_id for lane in lanes})
        for state in sorted(states)
        if any(lane.counts[state] for lane in lanes if lane.queue_id == queue)
    ]
    looked_at = sum(queue_counts.get(queue, {}).get(state, 0) for queue, state in pairs)
    if wanted.queue_id is None and (len(pairs) > MERGED or looked_at > _count(lanes, frozenset(TaskState))):
        return [_place_with(wanted, states)]
    return [
        Range(
            taken | {"queue_id"},
            [("t.queue_id = {}", queue), (f"t.state = {int(state)} {seen}", NOTHING_BOUND)],
        )
        for queue, state in pairs
    ]


def ranges_in_queue_order(wanted: TaskFilter, lanes: Sequence[LaneCount]) -> list[Range]:
    """Ranges of unfinished tasks by priority and position."""
    states = wanted.all_states & OPEN
    narrow = narrow_range(wanted)
    if narrow is not None:
        narrow.conditions.append((f"+t.state IN {_listed(states)}", NOTHING_BOUND))
        narrow.taken |= {"states"}
        return [narrow]
    pairs = [(lane.lane_id, state) for lane in lanes for state in sorted(states) if lane.counts[state]]
    if len(pairs) > MERGED:
        return [_open_range(wanted.among(states), lanes)]
    taken = frozenset({"states", "archived", "queue_id", "project_id", "kind"})
    return [
        Range(taken, [(f"t.state = {int(state)} AND t.state < 60", NOTHING_BOUND), ("t.lane_id = {}", lane)])
        for lane, state in pairs
    ]


class Query:
    """Writes the statement of some ranges and gathers its parameters."""

    def __init__(self, wanted: TaskFilter, lanes: Sequence[LaneCount]) -> None:
        self._wanted = wanted
        self._lanes = lanes
        self.params: list[Any] = []

    def by_id(self, ranges: Sequence[Range], after: int | None, limit: int, *, newest: bool) -> Statement:
        """`limit` ids behind `after`."""
        behind, direction = ("<", "DESC") if newest else (">", "ASC")
        parts: list[str] = []
        for one in ranges:
            conditions = self._conditions(one)
            if after is not None:
                conditions.append(f"{one.key} {behind} {self._bind(after)}")
            where = " AND ".join(conditions) or "1 = 1"
            order = f"ORDER BY {one.key} {direction} LIMIT {self._bind(limit)}"
            parts.append(f"SELECT {one.key} AS id FROM {one.source} WHERE {where} {order}")
        return _merged(
            parts, "id", f"ORDER BY id {direction} LIMIT {self._bind(limit)}" if len(parts) > 1 else ""
        )

    def in_queue_order(self, ranges: Sequence[Range], after: tuple[int, int] | None, limit: int) -> Statement:
        """`limit` rows (id, priority, position) behind `after`."""
        parts: list[str] = []
        for one in ranges:
            conditions = self._conditions(one)
            if after is not None:
                conditions.append(
                    f"(t.priority, t.position) > ({self._bind(after[0])}, {self._bind(after[1])})"
                )
            order = f"ORDER BY t.priority, t.position LIMIT {self._bind(limit)}"
            columns = "t.id AS id, t.priority AS priority, t.position AS position"
            parts.append(f"SELECT {columns} FROM {one.source} WHERE {' AND '.join(conditions)} {order}")
        final = f"ORDER BY priority, position LIMIT {self._bind(limit)}" if len(parts) > 1 else ""
        return _merged(parts, "id, priority, position", final)

    def _bind(self, value: Any) -> str:
        self.params.append(value)
        return f"?{len(self.params)}"

    def _conditions(self, one: Range) -> list[str]:
        found = [
            text if value is NOTHING_BOUND else text.format(self._bind(value))
            for text, value in one.conditions
        ]
        found.extend(
            text if value is NOTHING_BOUND else text.format(self._bind(value))
            for name, text, value in self._filters()
            if name not in one.taken
        )
        wanted = self._wanted
        if wanted.created_after is not None:
            found.append(f"{one.key} >= {self._bind(ids.first_id_at(wanted.created_after))}")
        if wanted.created_before is not None:
            found.append(f"{one.key} < {self._bind(ids.first_id_at(wanted.created_before))}")
        if wanted.ended_after is not None:
            first = self._bind(ids.first_id_at(wanted.ended_after - LONGEST_US))
            ended = f"a.id >= {first} AND a.finished_at >= {self._bind(wanted.ended_after)}"
            found.append(f"{one.key} IN (SELECT a.task_id FROM attempts a WHERE {ended})")
        return found

    def _filters(self) -> list[tuple[str, str, Any]]:
        wanted = self._wanted
        filters: list[tuple[str, str, Any]] = [
            ("queue_id", "+t.queue_id = {}", wanted.queue_id),
            ("project_id", "+t.project_id = {}", wanted.project_id),
            ("session_id", "+t.session_id = {}", wanted.session_id),
            ("parent_id", "+t.parent_id = {}", wanted.parent_id),
            ("agent_id", "coalesce(t.agent_id, '') = {}", wanted.agent_id),
            (
                "depends_on",
                "EXISTS (SELECT 1 FROM task_dependencies z WHERE z.task_id = t.id AND z.depends_on = {})",
                wanted.depends_on,
            ),
            ("type", "EXISTS (SELECT 1 FROM task_specs x WHERE x.id = t.id AND x.type = {})", wanted.type),
            (
                "tag",
                "EXISTS (SELECT 1 FROM task_tags y WHERE y.tag = {} AND y.task_id = t.id)",
                wanted.tag,
            ),
        ]
        found = [entry for entry in filters if entry[2] is not None]
        if wanted.stuck:
            found.append(("stuck", f"t.id IN ({STUCK})", NOTHING_BOUND))
        if wanted.kind is not None:
            found.append(("kind", "+t.lane_id IN_INTS({})", [lane.lane_id for lane in self._lanes]))
        if wanted.states is not None:
            found.append(("states", f"+t.state IN {_listed(wanted.states)}", NOTHING_BOUND))
        if wanted.reviews is not None:
            found.append(("reviews", f"+t.review IN {_listed(wanted.reviews)}", NOTHING_BOUND))
        if wanted.archived is not None:
            null = "NOT NULL" if wanted.archived else "NULL"
            found.append(("archived", f"t.archived_at IS {null}", NOTHING_BOUND))
        return found


def _merged(parts: Sequence[str], columns: str, final: str) -> Statement:
    if len(parts) == 1:
        text = parts[0]
    else:
        each = " UNION ALL ".join(f"SELECT {columns} FROM ({part}) r{n}" for n, part in enumerate(parts))
        text = f"SELECT {columns} FROM ({each}) m {final}"
    return _in_both(text)


def _in_both(text: str) -> Statement:
    if "SEARCH_" not in text:
        return Statement(text)
    sqlite = _MATCH.sub(r"f.task_search MATCH \1", text)
    postgres = _MATCH.sub(_MATCHING, text)
    # An expression keeps PostgreSQL from walking the primary key in the hope of matches.
    for token, lite, full in (
        ("SEARCH_SORTED", "f.rowid", "f.task_id + 0"),
        ("SEARCH_KEY", "f.rowid", "f.task_id"),
    ):
        sqlite, postgres = sqlite.replace(token, lite), postgres.replace(token, full)
    return for_each(sqlite, postgres)
