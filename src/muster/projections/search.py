"""Full-text search over titles, descriptions and tags of tasks."""

from __future__ import annotations

from typing import Final

from muster.domain.events import TaskEdited, TaskRemoved, TaskSubmitted
from muster.domain.search import PREFIX_FROM, search_query, search_words, words_of
from muster.projections.folding import Projection, TouchedTasks
from muster.store.database import Reader
from muster.store.statements import ManyRows, Statement, for_each
from muster.store.unit_of_work import UnitOfWork

NAME: Final = "task_search"

_SPECS: Final = Statement("SELECT id, title, description FROM task_specs WHERE id IN_INTS(?1)")
_TAGS: Final = Statement("SELECT task_id, tag FROM task_tags WHERE task_id IN_INTS(?1)")
_FORGET: Final = for_each(
    "DELETE FROM task_search WHERE rowid IN_INTS(?1)", "DELETE FROM task_search WHERE task_id IN_INTS(?1)"
)
_ADD: Final = ManyRows(
    sqlite="INSERT INTO task_search (rowid, title, description, tags) VALUES (?1, ?2, ?3, ?4)",
    postgres="INSERT INTO task_search (task_id, document) "
    "SELECT u.p1, array_to_tsvector(string_to_array(concat_ws(' ', nullif(u.p2, ''), nullif(u.p3, ''), nullif(u.p4, '')), ' ')) "
    "FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS u(p1, p2, p3, p4)",
    width=4,
    touches=frozenset({NAME}),
)


async def _fold(uow: UnitOfWork, by_kind: TouchedTasks) -> None:
    touched = sorted({task for tasks in by_kind.values() for task in tasks})
    tags: dict[int, list[str]] = {}
    for task, tag in await uow.rows(_TAGS, touched):
        tags.setdefault(task, []).append(tag)
    rows = [
        (task, _plain(title), _plain(description), _plain(" ".join(tags.get(task, ()))))
        for task, title, description in await uow.rows(_SPECS, touched)
    ]
    await uow.run(_FORGET, touched)
    await uow.run_many(_ADD, rows)


TASK_SEARCH: Final = Projection(
    NAME,
    frozenset({TaskSubmitted.kind, TaskEdited.kind, TaskRemoved.kind}),
    _fold,
    events_at_once=500,
    gather_events=500,
    gather_seconds=0.05,
    weighs=True,
)


def _plain(text: str) -> str:
    return " ".join(words_of(text))


COMPLETED: Final = 16
_LAST: Final = "\U0010ffff"
# FTS5 streams the texts of a word newest first, but gathers all texts of a beginning before it gives one. So
# the words that begin like it are looked up, each by a seek behind the one before. PostgreSQL needs no such help.
_COMPLETIONS: Final = for_each(
    "WITH RECURSIVE found(term) AS (SELECT (SELECT term FROM task_search_words WHERE term >= ?1 LIMIT 1) UNION ALL "
    "SELECT (SELECT term FROM task_search_words WHERE term >= found.term || '0' LIMIT 1) FROM found "
    f"WHERE found.term < ?2 LIMIT {COMPLETED + 1}) SELECT term FROM found WHERE term < ?2",
    "SELECT ?1::text WHERE ?1::text > ?2::text",
)


async def search_for(reader: Reader, text: str) -> str | None:
    """The query for a text that somebody typed; None when there is no word in it."""
    words = search_words(text)
    completions: dict[str, list[str]] = {}
    for word in words:
        if len(word) >= PREFIX_FROM:
            found = [row[0] for row in await reader.rows(_COMPLETIONS, word, word + _LAST)]
            if len(found) <= COMPLETED:
                completions[word] = found
    return search_query(words, completions) if words else None


RARE: Final = 2_000
TSQUERY: Final = "replace(replace(replace({}, '*', ':*'), ' AND ', ' & '), ' OR ', ' | ')::tsquery"
"""PostgreSQL's spelling of a query, which is written as FTS5 has it."""
_MATCHES: Final = for_each(
    "SELECT ?1 IS NULL",
    "SELECT count(*) FROM (SELECT 1 FROM task_search WHERE document @@ "
    f"{TSQUERY.format('?1')} LIMIT {RARE + 1}) found",
)


async def is_rare(reader: Reader, query: str) -> bool:
    """Whether few tasks match, so that all of them are better gathered than the newest ones tried one by one.

    PostgreSQL guesses that wrong for rare words; FTS5 needs no guess, and there it makes no difference.
    """
    return (await reader.rows(_MATCHES, query))[0][0] <= RARE
