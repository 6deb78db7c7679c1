"""Roles of agents, and the prompts they make."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Annotated, Final

from fastapi import Query, Response
from starlette.responses import PlainTextResponse

from muster.api.cursors import encode_cursor, integer_cursor
from muster.api.file_diff import compared
from muster.api.places import find_queue
from muster.api.routing import Route
from muster.api.schemas import roles as shapes
from muster.api.schemas.shape import Done, EntityName
from muster.api.services import Services, ServicesHere
from muster.api.times import iso
from muster.commands.roles import RoleEdit, delete_role, restore_role, set_role
from muster.domain import ids
from muster.domain.agent_task import ToolServer
from muster.domain.errors import AlreadyExists
from muster.domain.prompt import PromptParts, PromptSection, about_tokens, compose, sections_of
from muster.domain.role import BUILT_IN, Role
from muster.domain.role_versions import RoleVersion, text_of
from muster.projections.roles import ListedVersion, get_version
from muster.projections.roles import get_role as load_role
from muster.projections.roles import list_roles as roles_by_name
from muster.projections.roles import list_versions as page_of_versions
from muster.projections.sessions import get_session
from muster.store.statements import Statement

_BUILT_IN: Final = frozenset(role.name for role in BUILT_IN)
_INSTRUCTIONS: Final = Statement("SELECT instructions FROM queues WHERE id = ?1")


def _shape(version: RoleVersion) -> shapes.Role:
    return shapes.Role(
        **asdict(version.role),
        version=version.number,
        built_in=version.role.name in _BUILT_IN,
        updated_at=iso(version.at),
        updated_by=version.by or None,
    )


async def _now(services: Services, name: str) -> shapes.Role:
    return _shape(await load_role(services.store, name))


async def list_roles(services: ServicesHere) -> shapes.RoleList:
    """The roles agents can have."""
    return shapes.RoleList(items=[_shape(role) for role in await roles_by_name(services.store)])


async def get_role(services: ServicesHere, name: str) -> shapes.Role:
    """One role."""
    return await _now(services, name)


async def put_role(
    services: ServicesHere, name: EntityName, body: shapes.RoleSave, response: Response
) -> shapes.Role:
    """Define a role or change one, which makes a version.

    Attempts that run keep what they were told. 201: it is new. A role saved as it is makes no version.
    """
    edit = RoleEdit(by=body.by or "", if_version=body.if_version)
    new = await services.store.execute(set_role(_role(name, body), edit))
    response.status_code = 201 if new else 200
    return await _now(services, name)


def _role(name: str, body: shapes.RoleFields) -> Role:
    servers = tuple(
        ToolServer(
            name=entry.name, url=entry.url or "", headers=entry.headers, argv=tuple(entry.argv), env=entry.env
        )
        for entry in body.mcp
    )
    return Role(
        name=name,
        **body.model_dump(exclude={"mcp", "tools", "by", "if_version"}),
        tools=None if body.tools is None else tuple(body.tools),
        mcp=servers,
    )


async def clone_role(services: ServicesHere, name: str, body: shapes.RoleClone) -> shapes.Role:
    """Copy a role under another name."""
    role = replace((await load_role(services.store, name)).role, name=body.name)
    if any(known.role.name == body.name for known in await roles_by_name(services.store)):
        raise AlreadyExists(noun="role", name=body.name)
    await services.store.execute(set_role(role, RoleEdit(by=body.by or "")))
    return await _now(services, body.name)


async def remove_role(services: ServicesHere, name: str) -> Done:
    """Remove a role of one's own.

    The built-in ones stay. Its versions can still be read, and restored.
    """
    await services.store.execute(delete_role(name))
    return Done(id=name, done="deleted")


async def list_role_versions(
    services: ServicesHere, name: str, query: Annotated[shapes.RoleVersionQuery, Query()]
) -> shapes.RoleVersionList:
    """What was made of a role, newest first, also of one that was removed."""
    after = integer_cursor(query.cursor)
    page = await page_of_versions(
        services.store, name, after=None if after is None else (after,), limit=query.limit
    )
    return shapes.RoleVersionList(
        items=[_listed_shape(entry) for entry in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


def _listed_shape(entry: ListedVersion) -> shapes.ListedRoleVersion:
    version = entry.version
    return shapes.ListedRoleVersion(
        version=version.number,
        at=iso(version.at),
        by=version.by or None,
        restored=version.restored,
        changed=list(entry.changed),
        words=entry.words,
        current=entry.current,
    )


async def get_role_version(
    services: ServicesHere, name: str, version: shapes.VersionNumber
) -> shapes.RoleVersion:
    """A version of a role with its whole text, also of one that was removed."""
    found = await get_version(services.store, name, version)
    return shapes.RoleVersion(
        **asdict(found.role),
        version=found.number,
        at=iso(found.at),
        by=found.by or None,
        restored=found.restored,
    )


async def get_role_diff(
    services: ServicesHere,
    name: str,
    version: shapes.VersionNumber,
    query: Annotated[shapes.RoleDiffQuery, Query()],
) -> PlainTextResponse:
    """How a version differs from another one, as a unified diff of their texts.

    Empty when it does not. The first version is compared with nothing.
    """
    after = await get_version(services.store, name, version)
    number = version - 1 if query.against is None else query.against
    before = await get_version(services.store, name, number) if number else None
    titles = [f"{name} version {number}" if before else "/dev/null", f"{name} version {version}"]
    texts = [text_of(before.role) if before else "", text_of(after.role)]
    diff = await asyncio.to_thread(compared, titles, texts, query.context)
    return PlainTextResponse(diff)


async def restore_role_version(
    services: ServicesHere,
    name: str,
    version: shapes.VersionNumber,
    body: shapes.RoleEdit | None = None,
) -> shapes.Role:
    """Make the role what an older version says.

    That is a new version: nothing is lost. A role that was removed is there again. One that reads so already stays.
    """
    body = body or shapes.RoleEdit()
    edit = RoleEdit(by=body.by or "", if_version=body.if_version)
    await services.store.execute(restore_role(name, version, edit))
    return await _now(services, name)


async def preview_prompt(services: ServicesHere, body: shapes.PromptPreviewFields) -> shapes.PromptPreview:
    """The prompt exactly as an agent would get it.

    It is composed by the same code that a worker runs; a later attempt is told of the earlier ones too.
    """
    if body.draft is not None:
        role = _role(body.role or "draft", body.draft)
    else:
        role = None if body.role is None else (await load_role(services.store, body.role)).role
    parts = PromptParts(
        title=body.title,
        description=body.description,
        prompt=body.prompt,
        role=role,
        instructions=body.instructions,
        queue_instructions=await _instructions(services, body.queue),
        context=await _context(services, body.session),
        owns=body.owns,
        required_files=body.required_files,
        acceptance_command=body.acceptance_command,
        output_schema=body.output_schema,
    )
    prompt = compose(parts)
    return shapes.PromptPreview(
        system=prompt.system,
        user=prompt.user,
        sections=[_section_shape(section) for section in sections_of(parts)],
        tokens=about_tokens(prompt.system) + about_tokens(prompt.user),
        agent=None if role is None else role.agent,
        model=None if role is None else role.model,
        permissions=None if role is None else role.permissions,
    )


def _section_shape(section: PromptSection) -> shapes.PromptSection:
    return shapes.PromptSection(
        name=section.name,
        part="system" if section.system else "user",
        text=section.text,
        tokens=about_tokens(section.text),
    )


async def _context(services: Services, session: str | None) -> str:
    if session is None:
        return ""
    return (await get_session(services.store, ids.decode(ids.SESSION, session))).context


async def _instructions(services: Services, queue: str | None) -> str:
    if queue is None:
        return ""
    place = await find_queue(services.store, queue)
    return str((await services.store.rows(_INSTRUCTIONS, place.queue_id))[0][0])


ROUTES: Final = (
    Route("GET", "/roles", list_roles),
    Route("GET", "/roles/{name:name}", get_role, (404,)),
    Route("PUT", "/roles/{name:name}", put_role, (409,), other=((201, shapes.Role),)),
    Route("POST", "/roles/{name:name}/clone", clone_role, (404, 409), status=201),
    Route("DELETE", "/roles/{name:name}", remove_role, (404, 409)),
    Route("GET", "/roles/{name:name}/versions", list_role_versions, (404,)),
    Route("GET", "/roles/{name:name}/versions/{version}", get_role_version, (404,)),
    Route("GET", "/roles/{name:name}/versions/{version}/diff", get_role_diff, (404,), text=True),
    Route("POST", "/roles/{name:name}/versions/{version}/restore", restore_role_version, (404, 409)),
    Route("POST", "/prompts/preview", preview_prompt, (404,)),
)
