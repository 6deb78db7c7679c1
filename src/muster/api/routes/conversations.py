"""What agents said and did: conversations, tool calls, log files."""

from __future__ import annotations

import asyncio
from operator import itemgetter
from typing import Annotated, Any, Final

from fastapi import Header, Query, Request
from starlette.responses import PlainTextResponse, Response

from muster.api.conversation import markdown_conversation, nothing, part_of, read_conversation
from muster.api.longpoll import Caller
from muster.api.routing import Route
from muster.api.schemas import runs as shapes
from muster.api.schemas.tasks import LogPage, LogQuery
from muster.api.services import Services, ServicesHere
from muster.api.task_output import Wanted, find_attempt, read_output
from muster.domain import ids
from muster.domain.errors import NotFound
from muster.domain.transcript_files import LOG_FILES, tool_uses
from muster.projections.agent_tasks import bring_forward
from muster.projections.agents import get_agent
from muster.projections.runs import last_attempt_of
from muster.projections.transcripts import whole_transcript
from muster.store.statements import Statement

MARKDOWN: Final = "text/markdown"
_NUMBER: Final = Statement("SELECT number FROM attempts WHERE id = ?1")
Accept = Annotated[str, Header(max_length=1_000, include_in_schema=False)]


class MarkdownResponse(PlainTextResponse):
    """A Markdown document."""

    media_type = MARKDOWN


async def get_task_conversation(
    services: ServicesHere,
    request: Request,
    task_id: str,
    query: Annotated[shapes.ConversationQuery, Query()],
    accept: Accept = "",
) -> Any:
    """What an agent said and did in an attempt, waiting for more if asked.

    Answered at once when there are entries from `after` on or the attempt is over. Ask again with `next_after`.
    """
    return await _conversation(
        services, request, Wanted(ids.decode(ids.TASK, task_id), query.attempt), query, accept
    )


async def get_agent_conversation(
    services: ServicesHere,
    request: Request,
    agent_id: str,
    query: Annotated[shapes.AgentConversationQuery, Query()],
    accept: Accept = "",
) -> Any:
    """What an agent says and does in its current run, or did in its last one."""
    wanted = await _last_run(services, agent_id)
    if wanted is None:
        return nothing(None, 0, query.after)
    return await _conversation(services, request, wanted, query, accept)


async def _conversation(
    services: Services, request: Request, wanted: Wanted, query: shapes.AgentConversationQuery, accept: str
) -> shapes.Conversation | Response:
    part = part_of(query)
    if query.format == "markdown" or MARKDOWN in accept:
        return MarkdownResponse(await markdown_conversation(services.store, wanted))
    return await read_conversation(services.store, wanted, part, Caller(request.receive, services.drain, ""))


async def _last_run(services: Services, agent_id: str) -> Wanted | None:
    await get_agent(services.store, agent_id)
    await bring_forward(services.store)
    last = await last_attempt_of(services.store, agent_id)
    if last is None:
        return None
    task, attempt = last
    rows = await services.store.rows(_NUMBER, attempt)
    return Wanted(task, rows[0][0]) if rows else None


async def get_agent_logs(
    services: ServicesHere, request: Request, agent_id: str, query: Annotated[LogQuery, Query()]
) -> LogPage:
    """Lines of output of the agent's current or last attempt, waiting for some if asked."""
    wanted = await _last_run(services, agent_id)
    if wanted is None:
        return LogPage(attempt=0, items=[], next_after=query.after, total=0, finished=False)
    if query.attempt is not None:
        wanted = Wanted(wanted.task_id, query.attempt)
    return await read_output(services.store, wanted, query, Caller(request.receive, services.drain, ""))


async def get_agent_tools(
    services: ServicesHere, agent_id: str, query: Annotated[shapes.ToolsQuery, Query()]
) -> shapes.ToolUses:
    """Tool calls of the agent's current or last run, each with its result."""
    wanted = await _last_run(services, agent_id)
    found = None if wanted is None else await find_attempt(services.store, wanted)
    if wanted is None or found is None:
        return shapes.ToolUses(task_id=None, attempt_id=None, items=[], next_after=None)
    entries = await whole_transcript(services.store, found[0], '"kind":"tool_')
    uses = await asyncio.to_thread(lambda: sorted(tool_uses(entries), key=itemgetter("position")))
    later = [use for use in uses if use["position"] >= query.after]
    return shapes.ToolUses(
        task_id=ids.encode(ids.TASK, wanted.task_id),
        attempt_id=ids.encode(ids.ATTEMPT, found[0]),
        items=[shapes.ToolUse.model_construct(**use) for use in later[: query.limit]],
        next_after=later[query.limit]["position"] if len(later) > query.limit else None,
    )


async def list_log_files(
    services: ServicesHere, task_id: str, query: Annotated[shapes.AttemptQuery, Query()]
) -> shapes.LogFiles:
    """The log files of an attempt.

    They are made of its transcript when they are read, so they are never behind it.
    """
    found = await find_attempt(services.store, Wanted(ids.decode(ids.TASK, task_id), query.attempt))
    return shapes.LogFiles(
        task_id=task_id,
        attempt=0 if found is None else found[1],
        items=[shapes.LogFile(name=name, description=words) for name, (words, _) in LOG_FILES.items()]
        if found is not None
        else [],
    )


async def download_log_file(
    services: ServicesHere, task_id: str, name: str, query: Annotated[shapes.AttemptQuery, Query()]
) -> Response:
    """A log file of an attempt: `prompt.txt`, `text.txt`, `tools.jsonl` or `summary.jsonl`."""
    found = await find_attempt(services.store, Wanted(ids.decode(ids.TASK, task_id), query.attempt))
    if found is None or name not in LOG_FILES:
        raise NotFound(noun="log file", id=name[:100])
    parts = LOG_FILES[name][1]
    entries = await whole_transcript(services.store, found[0])
    text = await asyncio.to_thread(lambda: "".join(parts(entries)))
    headers = {"content-disposition": f'attachment; filename="{task_id}.{found[1]}.{name}"'}
    return PlainTextResponse(text, headers=headers)


_BOTH: Final[dict[str, Any]] = {"model": shapes.Conversation, "also": MARKDOWN}
ROUTES: Final = (
    Route("GET", "/tasks/{task_id}/conversation", get_task_conversation, (404,), **_BOTH),
    Route("GET", "/tasks/{task_id}/logs/files", list_log_files, (404,)),
    Route("GET", "/tasks/{task_id}/logs/files/{name:name}", download_log_file, (404,), text=True),
    Route("GET", "/agents/{agent_id:name}/conversation", get_agent_conversation, (404,), **_BOTH),
    Route("GET", "/agents/{agent_id:name}/logs", get_agent_logs, (404,)),
    Route("GET", "/agents/{agent_id:name}/logs/tools", get_agent_tools, (404,)),
)
