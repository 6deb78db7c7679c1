"""What this host has for agents: their programs, and the gateway to their models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from muster.agents.adapter import Dialect
from muster.agents.detect import Detected, detect
from muster.bootstrap.mcp import LazyDoor
from muster.bootstrap.settings import Settings
from muster.client.client import Client
from muster.client.wire_hosts import AbsentAgent, HostAgent
from muster.gateway.keyring import Key
from muster.gateway.provider import Provider
from muster.gateway.server import Gateway
from muster.vcs.forge import ForgeAccess, Kind
from muster.worker.agent_host import AgentHost
from muster.worker.metering import GatewayDoor
from muster.worker.tools import ToolsDoor

USUAL: Final[tuple[tuple[str, Dialect, str, str, tuple[str, ...]], ...]] = (
    (
        "anthropic",
        Dialect.ANTHROPIC,
        "https://api.anthropic.com",
        "ANTHROPIC_BASE_URL",
        ("ANTHROPIC_API_KEY",),
    ),
    ("openai", Dialect.OPENAI, "https://api.openai.com", "OPENAI_BASE_URL", ("OPENAI_API_KEY",)),
    (
        "google",
        Dialect.GEMINI,
        "https://generativelanguage.googleapis.com",
        "GOOGLE_GEMINI_BASE_URL",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
)


FORGES: Final[tuple[tuple[str, Kind, str, tuple[str, ...]], ...]] = (
    ("github.com", "github", "https://api.github.com", ("GITHUB_TOKEN", "GH_TOKEN")),
    ("gitlab.com", "gitlab", "https://gitlab.com/api/v4", ("GITLAB_TOKEN",)),
    ("codeberg.org", "gitea", "https://codeberg.org/api/v1", ("CODEBERG_TOKEN", "GITEA_TOKEN")),
    ("gitea.com", "gitea", "https://gitea.com/api/v1", ("GITEA_TOKEN",)),
)
APIS: Final[Mapping[Kind, str]] = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}


async def detected_agents(settings: Settings) -> list[Detected]:
    """The agents known to muster as they are on this host."""
    return await detect(os.environ, Path.home(), settings.agents.folders)


async def agent_host(settings: Settings, folder: Path, client: Client) -> tuple[AgentHost, Gateway, LazyDoor]:
    """What a worker that keeps its things in `folder` offers to tasks for agents; its gateway listens from now on."""
    known = await detected_agents(settings)
    found = [entry for entry in known if entry.installed]
    socket = folder / "gateway" / "models.sock"
    gateway = Gateway(providers(settings, os.environ))
    await gateway.start(socket)
    door = GatewayDoor(gateway, socket)
    own = [entry for entry in found if entry.profile.programs or entry.profile.driver == "shipped"]
    tools = LazyDoor(client, folder / "tools" / "tools.sock")
    host = AgentHost(
        programs=programs_of(found),
        homes=folder / "homes",
        shown=[in_words(entry) for entry in own],
        detected=[_told(entry) for entry in own],
        absent=[_absence(entry) for entry in known if not entry.installed],
        door=door,
        tools=ToolsDoor(tools, tools.socket),
        forges=forges(settings, os.environ),
        user_environment=user_environment(os.environ),
    )
    return host, gateway, tools


def _told(entry: Detected) -> HostAgent:
    """An installed agent for the server."""
    profile = entry.profile
    return HostAgent(
        name=profile.name,
        title=profile.title,
        version=entry.version[:200],
        signed_in=entry.usable,
        signs_in_by=[*profile.key_variables, *(f"~/{file}" for file in profile.sign_in_files)][:20],
    )


def _absence(entry: Detected) -> AbsentAgent:
    """An agent that cannot be started here, for the server."""
    problem = "".join(char if char.isprintable() else " " for char in entry.problem)
    return AbsentAgent(name=entry.profile.name, title=entry.profile.title, problem=problem[:500])


def in_words(entry: Detected) -> str:
    """An installed agent for a person: `claude 2.1.329 (signed in by ANTHROPIC_API_KEY)`."""
    if not entry.profile.programs:
        return entry.profile.name
    sign_in = f"signed in by {entry.sign_in}" if entry.sign_in else "not signed in"
    return f"{entry.profile.name} {entry.version} ({sign_in})"


def programs_of(found: Sequence[Detected]) -> Mapping[str, Sequence[str]]:
    """How each agent is started; the shipped ones have no program of their own."""
    return {entry.profile.name: [] if entry.path is None else [str(entry.path)] for entry in found}


def providers(settings: Settings, environ: Mapping[str, str]) -> list[Provider]:
    """The providers that the settings name, else the usual ones with keys and addresses from the environment."""
    named = {
        Dialect(entry.dialect): Provider(
            name=entry.name,
            dialect=Dialect(entry.dialect),
            base_url=entry.base_url,
            keys=_keys(entry.key_variables, environ),
            free=entry.free,
            concurrency=entry.concurrency,
        )
        for entry in settings.agents.providers
    }
    usual = {
        dialect: Provider(
            name=name,
            dialect=dialect,
            base_url=(environ.get(variable) or url).rstrip("/").removesuffix("/v1"),
            keys=_keys(keys, environ)[:1],
        )
        for name, dialect, url, variable, keys in USUAL
    }
    return list((usual | named).values())


def _keys(variables: Sequence[str], environ: Mapping[str, str]) -> tuple[Key, ...]:
    """Those that are set, each once."""
    return tuple(Key(name, environ[name]) for name in dict.fromkeys(variables) if environ.get(name))


def forges(settings: Settings, environ: Mapping[str, str]) -> list[ForgeAccess]:
    """The forges that the settings name, then the usual ones; each with its own token from the environment."""
    named = [
        ForgeAccess(
            host=entry.host.lower(),
            kind=entry.kind,
            api=(entry.api or f"https://{entry.host}{APIS[entry.kind]}").rstrip("/"),
            token=environ.get(entry.token_variable),
            variables=entry.token_variable,
        )
        for entry in settings.agents.forges
    ]
    usual = [
        ForgeAccess(
            host=host,
            kind=kind,
            api=api,
            token=next((environ[name] for name in names if environ.get(name)), None),
            variables=" or ".join(names),
        )
        for host, kind, api, names in FORGES
    ]
    return [*named, *usual]


def user_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What git may know when it pushes as the user: everything but muster's own secrets."""
    return {name: value for name, value in environ.items() if not name.startswith("MUSTER_")}
