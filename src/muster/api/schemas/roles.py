"""Shapes of roles and of prompts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from muster.api.schemas.shape import (
    Answer,
    Body,
    EntityName,
    JsonObject,
    LongText,
    Moment,
    Name,
    Note,
    PageQuery,
    Query,
    Text64,
    Title,
)

RoleKind = Literal["analyst", "planner", "builder", "tester", "reviewer", "custom"]
PermissionsName = Literal["read", "ask", "edit", "full"]
VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1, examples=[2])]
ToolName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]


class ToolServer(Body):
    """An MCP server: by `url` (streamable HTTP), or by command line (stdio)."""

    name: Name
    url: Title | None = None
    headers: dict[str, str] = Field(default={}, max_length=50)
    argv: list[Title] = Field(default=[], max_length=100)
    env: dict[str, str] = Field(default={}, max_length=100)


class RoleFields(Body):
    """What a role is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "reviewer",
                    "description": "Reads for security.",
                    "system_prompt": "You look for holes.",
                }
            ]
        }
    )

    kind: RoleKind = "custom"
    description: Note = ""
    system_prompt: Text64 = Field(default="", description="Appended to the agent's own.")
    instructions: Text64 = Field(default="", description="One's own, added to the system prompt.")
    agent: Name | None = None
    model: Name | None = None
    permissions: PermissionsName | None = None
    tools: list[ToolName] | None = Field(default=None, max_length=200)
    mcp: list[ToolServer] = Field(default=[], max_length=50)


class RoleEdit(Body):
    """Who edits a role, and what they made the edit of."""

    by: Name | None = Field(default=None, description="Who says it.")
    if_version: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="Only if the role is still at this version (0: there is none), else 409 `role_moved`.",
    )


class RoleSave(RoleFields, RoleEdit):
    """What a role is to be."""


class RoleText(Answer):
    """A role of agents, as a version of it says."""

    name: str = Field(examples=["reviewer"])
    kind: RoleKind
    description: str
    system_prompt: str
    instructions: str
    agent: str | None
    model: str | None
    permissions: str | None
    tools: list[str] | None
    mcp: list[JsonObject]
    version: VersionNumber


class Role(RoleText):
    """A role of agents as it is."""

    built_in: bool = Field(description="It comes with muster: it can be changed, and not deleted.")
    updated_at: Moment = Field(description="When this version was made.")
    updated_by: str | None = Field(description="Who made it, as far as they said.")


class RoleVersion(RoleText):
    """A version of a role, with its whole text."""

    at: Moment
    by: str | None = Field(description="Who made it, as far as they said.")
    restored: VersionNumber | None = Field(description="The older version that was restored by it.")


class ListedRoleVersion(Answer):
    """What an edit of a role did."""

    version: VersionNumber
    at: Moment
    by: str | None = Field(description="Who made it, as far as they said.", examples=["ann"])
    restored: VersionNumber | None = Field(description="The older version that was restored by it.")
    changed: list[str] = Field(
        description="Fields that are other than in the version before.", examples=[["model"]]
    )
    words: str = Field(description="What it did.", examples=["model opus (was open)"])
    current: bool = Field(description="The role is at this version.")


class RoleVersionList(Answer):
    """Versions of a role, newest first."""

    items: list[ListedRoleVersion]
    next_cursor: str | None


class RoleVersionQuery(PageQuery):
    """Which of a role's versions."""


class RoleDiffQuery(Query):
    """With what a version is compared."""

    against: VersionNumber | None = Field(default=None, description="Default: the version before it.")
    context: int = Field(
        default=3, ge=0, le=100_000, description="Unchanged lines around those that changed."
    )


class RoleList(Answer):
    """Roles by name."""

    items: list[Role]
    next_cursor: None = None


class RoleClone(Body):
    """A copy of a role under another name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "security-reviewer"}]})

    name: EntityName
    by: Name | None = Field(default=None, description="Who makes it.")


class PromptPreviewFields(Body):
    """A task as it would be queued, as far as its prompt goes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Mend the login", "role": "builder", "queue": "agents"}]}
    )

    title: Title
    description: LongText = ""
    prompt: LongText = ""
    role: Name | None = None
    draft: RoleFields | None = Field(
        default=None, description="A role as it would be saved, instead of `role`."
    )
    instructions: Text64 = ""
    queue: Name | None = None
    owns: list[Name] = Field(default=[], max_length=200)
    required_files: list[Name] = Field(default=[], max_length=100)
    acceptance_command: Note = ""
    output_schema: dict[str, Any] | None = None
    session: Name | None = Field(default=None, description="The work session whose context it is given.")


class PromptSection(Answer):
    """A part of a prompt."""

    name: str = Field(examples=["instructions of the queue"])
    part: Literal["system", "user"]
    text: str
    tokens: int = Field(description="About so many: every model counts in its own way.")


class PromptPreview(Answer):
    """The prompt exactly as it would be sent."""

    system: str = Field(description="Appended to the agent's own system prompt.")
    user: str = Field(description="The first message.")
    sections: list[PromptSection] = Field(description="The same in its parts.")
    tokens: int = Field(description="About so many, both together.")
    agent: str | None
    model: str | None
    permissions: str | None
