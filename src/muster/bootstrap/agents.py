"""What this host has for agents: their programs, and the gateway to their models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from muster.agents.adapter import Dialect
from muster.agents.detect import Detected, detect
from muster.bootstrap.settings import Settings
from muster.client.wire_hosts import HostAgent
from muster.gateway.provider import Provider
from muster.gateway.server import Gateway
from muster.worker.agent_host import AgentHost
from muster.worker.metering import GatewayDoor

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


async def detected_agents(settings: Settings) -> list[Detected]:
    """The agents known to muster as they are on this host."""
    return await detect(os.environ, Path.home(), settings.agents.folders)


async def agent_host(settings: Settings, folder: Path) -> tuple[AgentHost, Gateway]:
    """What a worker that keeps its things in `folder` offers to tasks for agents; its gateway listens from now on."""
    found = [entry for entry in await detected_agents(settings) if entry.installed]
    socket = folder / "gateway" / "models.sock"
    gateway = Gateway(providers(settings, os.environ))
    await gateway.start(socket)
    door = GatewayDoor(gateway, socket)
    own = [entry for entry in found if entry.profile.programs or entry.profile.driver == "shipped"]
    host = AgentHost(
        programs=programs_of(found),
        homes=folder / "homes",
        shown=[in_words(entry) for entry in own],
        detected=[
            HostAgent(name=entry.profile.name, version=entry.version[:200], signed_in=entry.usable)
            for entry in own
        ],
        door=door,
    )
    return host, gateway


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
            key=None if entry.key_variable is None else environ.get(entry.key_variable),
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
            key=next((environ[key] for key in keys if environ.get(key)), None),
        )
        for name, dialect, url, variable, keys in USUAL
    }
    return list((usual | named).values())
