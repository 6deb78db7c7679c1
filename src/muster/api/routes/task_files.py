"""Files that attempts changed and read, calls to models, and the contents kept for both."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Header, Query, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from muster.api.bundle import bundle_of
from muster.api.cursors import decode_cursor, encode_cursor
from muster.api.file_diff import diff_of
from muster.api.routes.claims import token_of
from muster.api.routing import Route
from muster.api.run_shapes import call_shape, files_shape, run_shape
from muster.api.schemas import runs as shapes
from muster.api.services import Services, ServicesHere
from muster.api.task_output import Wanted, find_attempt
from muster.commands.runs import may_write
from muster.domain import ids
from muster.domain.errors import LeaseLost, NotFound, StoreUnavailable
from muster.domain.transcript_files import files_read
from muster.projections.agent_tasks import bring_forward
from muster.projections.agents import get_agent
from muster.projections.attempts import attempt_ids, get_attempt
from muster.projections.file_changes import FileRow, files_of, get_file
from muster.projections.model_calls import calls_of, get_call
from muster.projections.runs import last_attempt_of, runs_of
from muster.projections.tasks import get_task
from muster.projections.transcripts import whole_transcript
from muster.store.blobs import BlobStore
from muster.store.statements import Statement

_READS: Final = '"tool":"read"'
_FENCE: Final = Statement("SELECT token, state, finished_at FROM attempts WHERE id = ?1")
_NUMBER: Final = Statement("SELECT number FROM attempts WHERE id = ?1")


class ContentResponse(Response):
    """A content of any kind."""

    media_type = "application/octet-stream"


class ZipResponse(StreamingResponse):
    """An archive that is made while it is sent."""

    media_type = "application/zip"


def _blobs(services: Services) -> BlobStore:
    if services.blobs is None:
        raise StoreUnavailable(problem="this server keeps no contents")
    return services.blobs


async def _attempt(services: Services, task_id: str, number: int | None) -> tuple[int, int] | None:
    return await find_attempt(services.store, Wanted(ids.decode(ids.TASK, task_id), number))


async def get_task_files(
    services: ServicesHere, task_id: str, query: Annotated[shapes.AttemptQuery, Query()]
) -> shapes.TaskFiles:
    """Files an attempt changed (by git) and read (by its tools)."""
    found = await _attempt(services, task_id, query.attempt)
    number = ids.decode(ids.TASK, task_id)
    if found is None:
        return files_shape(number, 0, (), {})
    return await _files(services, number, *found)


async def get_agent_files(services: ServicesHere, agent_id: str) -> shapes.TaskFiles:
    """Files the agent changed and read in its current or last run."""
    await get_agent(services.store, agent_id)
    await bring_forward(services.store)
    last = await last_attempt_of(services.store, agent_id)
    rows = [] if last is None else await services.store.rows(_NUMBER, last[1])
    if last is None or not rows:
        return files_shape(None, 0, (), {})
    return await _files(services, last[0], last[1], rows[0][0])


async def _files(services: Services, task_id: int, attempt: int, number: int) -> shapes.TaskFiles:
    produced = await files_of(services.store, attempt)
    read = files_read(await whole_transcript(services.store, attempt, _READS))
    return files_shape(task_id, number, produced, read)


async def get_task_diff(
    services: ServicesHere, task_id: str, query: Annotated[shapes.PathQuery, Query()]
) -> Response:
    """The unified diff of a file an attempt changed.

    Git's own when it was kept, else made of what was there before and after. Empty for a binary file.
    """
    row = await _changed(services, task_id, query)
    return _text(await diff_of(_blobs(services), row))


async def get_task_content(
    services: ServicesHere, task_id: str, query: Annotated[shapes.ContentQuery, Query()]
) -> Response:
    """What was in a changed file before or after the attempt."""
    row = await _changed(services, task_id, query)
    blob = row.before_blob if query.side == "before" else row.after_blob
    if blob is None:
        raise NotFound(noun=f"content {query.side} the attempt of", id=query.path[:200])
    return _content(await _blobs(services).get(blob))


async def get_task_bundle(
    services: ServicesHere, task_id: str, query: Annotated[shapes.AttemptQuery, Query()]
) -> StreamingResponse:
    """All that an attempt left, as one zip archive.

    `prompt.txt`, `text.txt`, `tools.jsonl`, `summary.jsonl`, `output.txt`, `diff.patch`, the changed files as they are after it
    (`files/`), and `manifest.json`, which tells what was left out and why. What looks like a key is shown as `***`, and
    files whose names say that they hold secrets are left out. At most 10,000 files and 256 MiB of contents. It is made
    while it is sent, so it has no length.
    """
    found = await _attempt(services, task_id, query.attempt)
    if found is None:
        raise NotFound(noun="attempt", id=str(query.attempt or 1))
    detail = await get_task(services.store, ids.decode(ids.TASK, task_id), services.store.now())
    name = f"{task_id}.{found[1]}"
    archive = bundle_of(
        services.store, _blobs(services), name, detail, await get_attempt(services.store, found[0])
    )
    headers = {
        "content-disposition": f'attachment; filename="{name}.zip"',
        "content-security-policy": "sandbox",
    }
    return ZipResponse(archive, headers=headers)


async def _changed(services: Services, task_id: str, query: shapes.PathQuery) -> FileRow:
    found = await _attempt(services, task_id, query.attempt)
    if found is None:
        raise NotFound(noun="changed file", id=query.path[:200])
    return await get_file(services.store, found[0], query.path)


def _text(content: bytes) -> Response:
    return PlainTextResponse(content.decode("utf-8", "replace"))


def _content(content: bytes) -> Response:
    # Never shown as a page of this server, whatever is in it.
    headers = {"content-disposition": "attachment", "content-security-policy": "sandbox"}
    return ContentResponse(content, headers=headers)


async def get_task_calls(
    services: ServicesHere, task_id: str, query: Annotated[shapes.CallsQuery, Query()]
) -> shapes.ModelCallList:
    """Calls to models that a task's agents made, oldest first, with the totals of each run.

    Calls whose price nobody knows are counted apart and never as nothing.
    """
    store, task = services.store, ids.decode(ids.TASK, task_id)
    attempts = await attempt_ids(store, task)
    if query.attempt is not None:
        attempts = {query.attempt: attempts[query.attempt]} if query.attempt in attempts else {}
    after = 0 if query.cursor is None else int(decode_cursor(query.cursor, (int,))[0])
    one = None if query.attempt is None else attempts.get(query.attempt, 0)
    page = await calls_of(store, task, one, after=after, limit=query.limit)
    runs = await runs_of(store, list(attempts.values()))
    return shapes.ModelCallList(
        items=[call_shape(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
        runs=[shape for row in runs.values() if (shape := run_shape(row)) is not None],
    )


async def get_call_request(services: ServicesHere, task_id: str, call_id: str) -> Response:
    """What was sent to the model, when it was kept."""
    return await _exchange(services, task_id, call_id, "request_blob")


async def get_call_answer(services: ServicesHere, task_id: str, call_id: str) -> Response:
    """What the model answered, when it was kept."""
    return await _exchange(services, task_id, call_id, "answer_blob")


async def _exchange(services: Services, task_id: str, call_id: str, side: str) -> Response:
    call = await get_call(services.store, ids.decode(ids.TASK, task_id), ids.decode(ids.CALL, call_id))
    blob: str | None = getattr(call, side)
    if blob is None:
        raise NotFound(noun="content of model call", id=call_id)
    return _content(await _blobs(services).get(blob))


async def put_blob(
    request: Request,
    services: ServicesHere,
    sha256: str,
    x_muster_attempt: Annotated[str, Header(max_length=40)],
    x_muster_token: Annotated[str, Header(max_length=40)],
) -> shapes.Blob:
    """Keep a content, named by the SHA-256 of it, for a running attempt to refer to.

    What nothing refers to within a day is dropped. Contents are read through what refers to them.
    """
    rows = await services.store.rows(_FENCE, ids.decode(ids.ATTEMPT, x_muster_attempt))
    token = token_of(x_muster_token, x_muster_attempt)
    if not may_write(token, rows[0] if rows else None, services.store.now()):
        raise LeaseLost(attempt=x_muster_attempt)
    stored = await _blobs(services).put(sha256, await request.body())
    return shapes.Blob(sha256=sha256, stored=stored)


ROUTES: Final = (
    Route("GET", "/tasks/{task_id}/files", get_task_files, (404,)),
    Route("GET", "/tasks/{task_id}/files/diff", get_task_diff, (404,), text=True),
    Route("GET", "/tasks/{task_id}/files/content", get_task_content, (404,), answer=ContentResponse),
    Route("GET", "/tasks/{task_id}/bundle", get_task_bundle, (404,), answer=ZipResponse),
    Route("GET", "/tasks/{task_id}/calls", get_task_calls, (404,)),
    Route(
        "GET", "/tasks/{task_id}/calls/{call_id}/request", get_call_request, (404,), answer=ContentResponse
    ),
    Route("GET", "/tasks/{task_id}/calls/{call_id}/answer", get_call_answer, (404,), answer=ContentResponse),
    Route("GET", "/agents/{agent_id:name}/files", get_agent_files, (404,)),
    Route("PUT", "/blobs/{sha256}", put_blob, (404, 409), takes_binary=True),
)
