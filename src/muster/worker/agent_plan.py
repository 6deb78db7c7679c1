"""From a claimed task to what its agent is started with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from muster.agents.adapter import Adapter, AgentMissing, AgentSpec, McpServer, ModelAccess, Permissions
from muster.agents.registry import find
from muster.agents.scripted import PACKAGE
from muster.client.client import Client
from muster.client.wire import ClaimedTask, EarlierAttempt
from muster.domain.agent_task import AgentTask, ToolServer, read_agent_task
from muster.domain.prompt import Beginning, Earlier, Prompt, PromptParts, compose
from muster.domain.role import Role, in_role
from muster.sandboxes.supervised import SYSTEM_PATH
from muster.worker.agent_host import AgentHost

QUOTA: Final = "quota_exhausted"
SKILL_FILE: Final = "SKILL.md"
MOST_RESUMES: Final = 1_000
MOST_SKILLS: Final = 20
SKILL_PLACES: Final = (
    "skills/*/SKILL.md",
    ".claude/skills/*/SKILL.md",
    ".agents/skills/*/SKILL.md",
    "SKILL.md",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who does it and how, before there is a place to do it in."""

    claim: ClaimedTask
    task: AgentTask
    role: Role | None
    role_version: int | None = None
    """Which version of its role it is told; None too where the server keeps none."""
    adapter: Adapter
    program: Sequence[str]
    session: str | None
    former: Path | None = None
    """Where the session that is gone on with was at work."""
    review: EarlierAttempt | None = None
    """The attempt whose work a person wants changed: it is gone on with."""
    parts: Sequence[str] = ()
    """Tasks whose work the working copy begins with."""
    passed_over: str = ""
    """The agent whose turn it was: its provider fails, so a fallback does it."""
    home: str
    """Names the HOME of its agents: the task's, or that of the task whose session is gone on with."""

    def prompt(self, tree: Path, beginnings: Sequence[Beginning] = ()) -> Prompt:
        """The prompt exactly as it is sent."""
        claim, task = self.claim, self.task
        return compose(
            PromptParts(
                title=claim.title,
                description=claim.description if task.prompt != claim.description else "",
                prompt=task.prompt,
                role=self.role,
                instructions=task.instructions,
                queue_instructions=claim.instructions,
                context=claim.context,
                beginnings=beginnings,
                earlier=[
                    Earlier(number=entry.number, code=entry.code or entry.state, error=entry.error or "")
                    for entry in claim.earlier_attempts
                ],
                owns=task.owns,
                required_files=claim.required_files,
                acceptance_command=claim.acceptance_command or "",
                output_schema=claim.output_schema,
                review=claim.review or "",
                resumed=self.review is not None and self.session is not None,
                skills=skills_in(tree),
            )
        )

    @property
    def falls_back(self) -> bool:
        """Whether another agent or model is next when this one's quota is used up."""
        return bool(self.task.fallbacks)

    @property
    def uses_tools(self) -> bool:
        """Whether its agent is to have muster's own tools."""
        return any(server.own for server in self.task.mcp)

    def spec(
        self,
        prompt: Prompt,
        *,
        tree: Path,
        home: Path,
        python: str,
        access: ModelAccess | None,
        tools: McpServer | None,
    ) -> AgentSpec:
        """What the adapter is told. `tools` are muster's own."""
        task = self.task
        return AgentSpec(
            prompt=prompt.user,
            system_prompt=prompt.system,
            working_dir=tree,
            home=home,
            program=self.program,
            python=python,
            model=task.model,
            permissions=Permissions(task.permissions or Permissions.FULL),
            tools=task.tools,
            mcp=[
                *(_server(server) for server in task.mcp if not server.own),
                *([] if tools is None else [tools]),
            ],
            access=access,
            session=self.session,
            fork=task.fork,
            max_turns=task.max_turns,
            env=task.env,
            options=task.agent_options,
        )


async def make_plan(client: Client, claim: ClaimedTask, host: AgentHost) -> Plan:
    """Read the payload, fetch its role and the session it goes on with. MusterError or ApiError when it cannot be."""
    asked = read_agent_task(claim.kind, claim.payload)
    found: dict[str, Any] | None = None if asked.role is None else await client.get(f"/roles/{asked.role}")
    role = None if found is None else _role(found)
    spent = sum(earlier.code == QUOTA for earlier in claim.earlier_attempts)
    turn = in_role(asked, role).turn(spent)
    task = in_role(asked, role).turn(spent, claim.failing_agents)
    adapter = find(task.agent or "")
    name = adapter.profile.name
    if name not in host.programs:
        raise AgentMissing(agent=name, problem="this worker does not offer it")
    if host.tools is None and any(server.own for server in task.mcp):
        raise AgentMissing(agent=name, problem="this worker does not offer muster's own tools")
    reviewed = _reviewed(claim)
    if reviewed is not None and adapter.profile.resumes and reviewed.run_by == name and reviewed.session:
        former = None if reviewed.workspace is None else Path(reviewed.workspace)
        task = replace(task, fork=False)
        earlier = _Session(reviewed.session, former, await _home_of(client, claim, task))
    else:
        earlier = _Session() if task.resume is None else await _session_of(client, task.resume)
    return Plan(
        claim=claim,
        task=task,
        passed_over="" if turn == task else turn.agent or "",
        role=role,
        role_version=None if found is None else found.get("version"),
        adapter=adapter,
        program=host.programs[name],
        session=earlier.session,
        former=earlier.former,
        review=reviewed,
        parts=await _parts_of(client, claim) if task.integrate else (),
        home=earlier.home or claim.task_id,
    )


def _reviewed(claim: ClaimedTask) -> EarlierAttempt | None:
    """The last attempt that left work, when a person wants that changed."""
    if claim.review is None:
        return None
    return next((entry for entry in reversed(claim.earlier_attempts) if entry.head_commit), None)


async def _home_of(client: Client, claim: ClaimedTask, task: AgentTask) -> str | None:
    """Whose HOME the task's own session is kept in: that of the task with which a chain of sessions began."""
    if task.resume is None:
        return None
    return (await _session_of(client, task.resume)).home


async def _parts_of(client: Client, claim: ClaimedTask) -> Sequence[str]:
    shown: dict[str, Any] = await client.get(f"/tasks/{quote(claim.task_id, safe='')}")
    return [str(name) for name in shown["depends_on"]]


@dataclass(frozen=True, slots=True)
class _Session:
    """A session that is gone on with: where it worked, and the task in whose HOME it is kept."""

    session: str | None = None
    former: Path | None = None
    home: str | None = None


async def _session_of(client: Client, task_id: str) -> _Session:
    shown: dict[str, Any] = await client.get(f"/tasks/{quote(task_id, safe='')}")
    attempt: dict[str, Any] = shown.get("attempt") or {}
    run: dict[str, Any] = attempt.get("run") or {}
    session = run.get("session")
    if not session:
        raise AgentMissing(agent="session", problem=f"task {task_id} has no agent session to go on with")
    former = Path(run["workspace"]) if run.get("workspace") else None
    return _Session(str(session), former, await _first_of(client, shown))


async def _first_of(client: Client, shown: dict[str, Any]) -> str:
    """The task with which a chain of sessions gone on with began."""
    for _ in range(MOST_RESUMES):
        before = shown["payload"].get("resume")
        if not isinstance(before, str):
            break
        shown = await client.get(f"/tasks/{quote(before, safe='')}")
    return str(shown["id"])


def _role(document: Mapping[str, Any]) -> Role:
    return msgspec.convert(document, Role)


def _server(server: ToolServer) -> McpServer:
    return McpServer(
        name=server.name, url=server.url, headers=server.headers, argv=server.argv, env=server.env
    )


def skills_in(tree: Path) -> list[str]:
    """Skill files of the repository, by path."""
    found = (path for pattern in SKILL_PLACES for path in sorted(tree.glob(pattern)))
    return [str(path.relative_to(tree)) for path in found][:MOST_SKILLS]


def readable_for(plan: Plan, host: AgentHost) -> list[Path]:
    """Folders the agent's program needs inside the sandbox: where it is installed, what its links lead to, our own package."""
    found = [*host.readable, PACKAGE]
    for word in plan.program[:1]:
        path = Path(word)
        found += [path.parent, *_package_of(path.resolve())]
    return [path for path in dict.fromkeys(found) if not path.is_relative_to("/usr") and path.is_dir()]


def path_for(program: Sequence[str]) -> dict[str, str]:
    """PATH with the folder of the agent's program: the interpreter it was installed with lies beside it, for nvm and the like."""
    folder = Path(program[0]).parent if program else None
    return (
        {} if folder is None or str(folder) in SYSTEM_PATH.split(":") else {"PATH": f"{folder}:{SYSTEM_PATH}"}
    )


def _package_of(program: Path) -> list[Path]:
    """The folder that an installed program lies in: for one from npm all packages beside it, as they need each other,
    for one of Python's its virtual environment."""
    parts = program.parts
    if "node_modules" in parts:
        return [Path(*parts[: parts.index("node_modules") + 1])]
    settings = program.parent.parent / "pyvenv.cfg"
    if settings.is_file():
        return [settings.parent, *_interpreter_of(settings)]
    return [program.parent]


def _interpreter_of(settings: Path) -> list[Path]:
    """The installation that a virtual environment of Python's borrows its interpreter and library from."""
    for line in settings.read_text(errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home":
            return [Path(value.strip()).resolve().parent]
    return []
