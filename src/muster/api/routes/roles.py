"""Roles of agents, and the prompts they make."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Final

from fastapi import Response

from muster.api.places import find_queue
from muster.api.routing import Route
from muster.api.schemas import roles as shapes
from muster.api.schemas.shape import Done, EntityName
from muster.api.services import Services, ServicesHere
from muster.commands.roles import delete_role, set_role
from muster.domain import ids
from muster.domain.agent_task import ToolServer
from muster.domain.errors import AlreadyExists
from muster.domain.prompt import PromptParts, PromptSection, about_tokens, compose, sections_of
from muster.domain.role import BUILT_IN, Role
from muster.projections.roles import get_role as load_role
from muster.projections.roles import list_roles as roles_by_name
from muster.projections.sessions import get_session
from muster.store.statements import Statement

_BUILT_IN: Final = frozenset(role.name for role in BUILT_IN)
_INSTRUCTIONS: Final = Statement("SELECT instructions FROM queues WHERE id = ?1")


def _shape(role: Role) -> shapes.Role:
    return shapes.Role(**asdict(role), built_in=role.name in _BUILT_IN)


async def list_roles(services: ServicesHere) -> shapes.RoleList:
    """The roles agents can have."""
    return shapes.RoleList(items=[_shape(role) for role in await roles_by_name(services.store)])


async def get_role(services: ServicesHere, name: str) -> shapes.Role:
    """One role."""
    return _shape(await load_role(services.store, name))


async def put_role(
    services: ServicesHere, name: EntityName, body: shapes.RoleFields, response: Response
) -> shapes.Role:
    """Define a role or change one.

    Attempts that run keep what they were told. 201: it is new.
    """
    role = _role(name, body)
    new = await services.store.execute(set_role(role))
    response.status_code = 201 if new else 200
    return _shape(role)


def _role(name: str, body: shapes.RoleFields) -> Role:
    servers = tuple(
        ToolServer(
            name=entry.name, url=entry.url or "", headers=entry.headers, argv=tuple(entry.argv), env=entry.env
        )
        for entry in body.mcp
    )
    return Role(
        name=name,
        **body.model_dump(exclude={"mcp", "tools"}),
        tools=None if body.tools is None else tuple(body.tools),
        mcp=servers,
    )


async def clone_role(services: ServicesHere, name: str, body: shapes.RoleClone) -> shapes.Role:
    """Copy a role under another name."""
    role = replace(await load_role(services.store, name), name=body.name)
    if any(known.name == body.name for known in await roles_by_name(services.store)):
        raise AlreadyExists(noun="role", name=body.name)
    await services.store.execute(set_role(role))
    return _shape(role)


async def remove_role(services: ServicesHere, name: str) -> Done:
    """Remove a role of one's own.

    The built-in ones stay.
    """
    await services.store.execute(delete_role(name))
    return Done(id=name, done="deleted")


async def preview_prompt(services: ServicesHere, body: shapes.PromptPreviewFields) -> shapes.PromptPreview:
    """The prompt exactly as an agent would get it.

    It is composed by the same code that a worker runs; a later attempt is told of the earlier ones too.
    """
    if body.draft is not None:
        role = _role(body.role or "draft", body.draft)
    else:
        role = None if body.role is None else await load_role(services.store, body.role)
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
    Route("PUT", "/roles/{name:name}", put_role, other=((201, shapes.Role),)),
    Route("POST", "/roles/{name:name}/clone", clone_role, (404, 409), status=201),
    Route("DELETE", "/roles/{name:name}", remove_role, (404, 409)),
    Route("POST", "/prompts/preview", preview_prompt, (404,)),
)
