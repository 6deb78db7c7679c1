"""What each tool takes. The descriptions are read by models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from muster.client.wire import Count, Dollars, LongText, Name, Text
from muster.client.wire_approvals import Heading, Key
from muster.mcp.seat import LONGEST_WAIT

ClaimWord = Annotated[
    str | None,
    Meta(description="`claim` as the tool claim answered it. Leave it out when muster started you."),
]
Title = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Label = Annotated[str, Meta(min_length=1, max_length=500)]
Wait = Annotated[
    Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] | None,
    Meta(description="How long to wait for the answer, in seconds."),
]
Expiry = Annotated[
    Annotated[float, Meta(gt=0, le=31_536_000)] | None,
    Meta(description="Without it the question waits as long as it takes."),
]


class ClaimArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Claim the next task, or a certain one."""

    queue: Annotated[Name | None, Meta(description="Id or name. Without it: any external queue.")] = None
    project: Annotated[Name | None, Meta(description="Id or name of the project to take from.")] = None
    task: Annotated[Name | None, Meta(description="Id of the very task to claim.")] = None
    agent: Annotated[Name | None, Meta(description="Who you are, in the fleet's list of agents.")] = None
    capabilities: Annotated[list[Name], Meta(max_length=50, description="Labels you offer.")] = []
    wait_seconds: Annotated[float, Meta(ge=0, le=60, description="Wait so long for a task.")] = 0


class CompleteArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Report the task as done."""

    output: Annotated[LongText, Meta(description="What you did and what came of it, in a few sentences.")]
    result: Annotated[
        dict[str, Any] | None,
        Meta(description="Structured result; wanted when the task has an output schema."),
    ] = None
    cost_usd: Annotated[Dollars, Meta(description="What it cost, when you know.")] = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    claim: ClaimWord = None


class FailArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Report that the task cannot be done."""

    message: Annotated[LongText, Meta(min_length=1, description="What went wrong, and what was tried.")]
    code: Annotated[
        Name, Meta(description="A failure code of muster; it decides whether it is tried again.")
    ] = "agent_error"
    claim: ClaimWord = None


class HeartbeatArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Say that you are still at work."""

    progress: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="The share that is done.")
    ] = None
    message: Annotated[Text | None, Meta(description="What you do now, in a few words.")] = None
    delivered: Annotated[
        list[Name],
        Meta(max_length=100, description="Ids of words from earlier heartbeats that you have read."),
    ] = []
    claim: ClaimWord = None


class AskArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Ask people."""

    question: Annotated[Heading, Meta(description="The question, so that it can be understood on its own.")]
    details: Annotated[LongText, Meta(description="What one must know to answer it.")] = ""
    options: Annotated[
        list[Label], Meta(max_length=20, description="Answers to choose from; other words remain possible.")
    ] = []
    key: Annotated[
        Key | None,
        Meta(
            description="A name of your choice for this question. Asked again under the same key it is the same one."
        ),
    ] = None
    expires_in_seconds: Expiry = None
    wait_seconds: Wait = None
    claim: ClaimWord = None


class FindingArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Report something you noticed."""

    title: Annotated[Title, Meta(description="What is the matter, in one line.")]
    severity: Literal["info", "low", "medium", "high", "critical"] = "medium"
    text: Annotated[str, Meta(max_length=3_000, description="What you saw and why it matters.")] = ""
    file: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    line: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    claim: ClaimWord = None


class SubtaskArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Queue further work below the task in hand."""

    title: Title
    description: Annotated[LongText, Meta(description="Everything that whoever takes it must know.")] = ""
    kind: Literal["prompt", "bash", "python", "command", "manual", "llm"] = "prompt"
    payload: Annotated[
        dict[str, Any],
        Meta(
            description='By kind: {"script"} for bash and python, {"argv"} for command, {"agent", "prompt"} for an agent.'
        ),
    ] = {}
    queue: Name | None = None
    priority: Literal["urgent", "high", "medium", "low"] = "medium"
    depends_on: Annotated[
        list[Name], Meta(max_length=1_000, description="Ids of tasks that must be done first.")
    ] = []
    key: Annotated[Name | None, Meta(description="Filed again under the same key it is the same task.")] = (
        None
    )
    claim: ClaimWord = None


class ReadArguments(Struct, forbid_unknown_fields=True, kw_only=True):
    """Show a task."""

    task: Annotated[Name | None, Meta(description="Id of a task. Without it: the one in hand.")] = None
    claim: ClaimWord = None


class PermissionArguments(Struct, kw_only=True):
    """Ask people for leave to use a tool, in the words of Claude Code's --permission-prompt-tool."""

    tool_name: Name
    input: dict[str, Any] = {}
    tool_use_id: Key | None = None
    claim: ClaimWord = None
