"""What can be configured: one model, its defaults and its limits. `muster.bootstrap.loading` fills it."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

Environment = Literal["dev", "test", "prod"]
Durability = Literal["strict", "default", "relaxed"]
SandboxChoice = Literal["auto", "bubblewrap", "process", "container", "gvisor", "firecracker"]
LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
SERVER_URL: Final = r"^https?://[^/\s?#@]+/?$"
API_URL: Final = r"^https?://[^\s?#]+$"
FORGE_URL: Final = r"^https?://[^\s?#@]+$"
FORGE_HOST: Final = r"^[A-Za-z0-9.\[\]:-]+$"
PATTERNS: Final = MappingProxyType(
    {
        SERVER_URL: "must begin with http:// or https:// and name a host, with a port if need be, and no path",
        API_URL: "must be an address that begins with http:// or https://",
        FORGE_URL: "must be an address that begins with http:// or https://, without a name or password in it",
        FORGE_HOST: "must be a host's name, with a port if need be",
    }
)
"""What to say of a text that is not of a pattern."""
ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]

DEFAULT_PORT = 5005
_WEEK_SECONDS = 7 * 24 * 3600


class Section(BaseModel):
    """A part of the configuration: cannot be changed, knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TaskClass(Section):
    """How long tasks of a class may take, and whether they may use the network. A bare number is the timeout."""

    timeout_seconds: float = Field(gt=0, le=_WEEK_SECONDS)
    network: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return {"timeout_seconds": value}
        return value


def _standard_classes() -> dict[str, TaskClass]:
    return {
        "FAST_SCRIPT": TaskClass(timeout_seconds=30),
        "MEDIUM_SCRIPT": TaskClass(timeout_seconds=300),
        "LLM_LITE": TaskClass(timeout_seconds=300, network=True),
        "LLM_HEAVY": TaskClass(timeout_seconds=900, network=True),
    }


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ServerSettings(Section):
    """Where the server listens and who may talk to it."""

    host: str = Field(default="127.0.0.1", min_length=1, max_length=255, description="Address to listen on.")
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535, description="TCP port to listen on.")
    token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Bearer token every call must carry. Needed when host is not this machine.",
    )
    hosts: list[str] = Field(
        default_factory=list[str],
        max_length=50,
        description="Names clients may call the server by, besides host and those of loopback.",
    )
    url: str | None = Field(
        default=None,
        pattern=SERVER_URL,
        description="Where commands reach the server, when that is not host and port (another machine, a proxy).",
    )

    @field_validator("host")
    @classmethod
    def _plain_host(cls, value: str) -> str:
        if any(char.isspace() or char in "/@?#" for char in value):
            raise ValueError("is an address or a host name, without http:// and without a port")
        return value.strip("[]")

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine can connect."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.is_loopback and self.token is None:
            raise ValueError(
                f"host {self.host} can be reached from other machines, so a token is needed: set server.token "
                "(or MUSTER_TOKEN) to at least 16 characters, or use host 127.0.0.1"
            )
        return self


class DatabaseSettings(Section):
    """Where state is kept."""

    url: str | None = Field(
        default=None,
        repr=False,
        description="sqlite:///PATH or postgresql://USER@HOST/NAME. Without one: SQLite in the data directory.",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        if value is None or value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            return value
        raise ValueError("must start with sqlite:/// or postgresql://")


class StaleSettings(Section):
    """When a running task that shows no life is marked, and when it is failed; multiples of its timeout."""

    warn_multiplier: float = Field(default=1.0, gt=0, le=1000, description="Warn after this many timeouts.")
    fail_multiplier: float = Field(default=2.0, gt=0, le=1000, description="Fail after this many timeouts.")

    @model_validator(mode="after")
    def _warn_first(self) -> Self:
        if self.fail_multiplier < self.warn_multiplier:
            raise ValueError("fail_multiplier must not be smaller than warn_multiplier")
        return self


class PurgeSettings(Section):
    """What happens to finished tasks."""

    after_days: float = Field(
        default=3.0, ge=0, le=36500, description="Purge finished tasks after this many days; 0: never."
    )


class ConsoleSettings(Section):
    """Shells that people open in sandboxes, beside what runs there."""

    enabled: bool = Field(default=True, description="Whether consoles may be opened in sandboxes.")
    idle_minutes: float = Field(
        default=15.0, gt=0, le=1440, description="A console in which nothing is typed for so long is closed."
    )


class ArchiveSettings(Section):
    """When finished tasks go out of sight by themselves; archived tasks are not purged."""

    after_days: float = Field(
        default=0.0, ge=0, le=36500, description="Archive finished tasks after this many days; 0: never."
    )


class WorkerSettings(Section):
    """The worker that runs inside `muster up`."""

    enabled: bool = Field(default=True, description="Run a worker inside the server.")
    capacity: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=1000,
        description="Tasks run at once; default: processors.",
    )
    sandbox: SandboxChoice = Field(
        default="auto",
        description="auto: bubblewrap where it works, else plain processes; a named one is never replaced.",
    )
    weaker_levels: bool = Field(
        default=False,
        description="Offer levels weaker than the worker's own to tasks that demand them.",
    )
    warm_sandboxes: int = Field(
        default=2,
        ge=0,
        le=200,
        description="Bubblewrap sandboxes kept ready, so that a program begins at once; each takes about 3 MiB. 0: none.",
    )
    output_limit_mb: float = Field(
        default=4.0, gt=0, le=1024, description="Output kept of one attempt, in MiB: head and tail."
    )


class ScriptSettings(Section):
    """Where scripts with a header are found."""

    folders: list[Path] = Field(
        default_factory=lambda: [Path("scripts")],
        max_length=50,
        description="Searched for scripts with a header, with their subfolders. Default: scripts.",
    )


class DirectorySettings(Section):
    """Folders that can be chosen from when a task is queued."""

    roots: list[Path] = Field(
        default_factory=list[Path],
        max_length=50,
        description="Only what is below these is listed. Default: the user's home. Tasks may name other folders.",
    )


class ModelProvider(Section):
    """Where calls to models of one dialect go."""

    name: str = Field(
        min_length=1, max_length=100, description="As in price lists: anthropic, openai, google."
    )
    dialect: Literal["anthropic", "openai", "gemini"]
    base_url: str = Field(pattern=API_URL, description="Without the API's own path (/v1/...).")
    key_variables: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="The environment variables with the keys, one for each account; the keys themselves are never"
        " written down. The next account takes over when a quota is used up.",
    )
    free: bool = Field(default=False, description="It runs on your own machine: calls cost nothing.")
    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Calls at once from one worker; more wait. Default: no bound.",
    )


class ForgeSettings(Section):
    """A forge that agents' branches may get pull requests on."""

    host: str = Field(
        pattern=FORGE_HOST,
        max_length=255,
        description="As in the remotes' URLs, with a port where they have one: git.example.org.",
    )
    kind: Literal["github", "gitlab", "gitea"] = Field(description="Forgejo is gitea.")
    api: str | None = Field(
        default=None,
        pattern=FORGE_URL,
        description="Address of its REST API; default: where that sort of forge has it on this host.",
    )
    token_variable: str = Field(
        min_length=1,
        max_length=200,
        description="The environment variable with the token; the token itself is never written down.",
    )


class AgentSettings(Section):
    """Agents that muster runs itself."""

    folders: list[Path] = Field(
        default_factory=list[Path],
        max_length=50,
        description="Searched for agents' programs, before PATH.",
    )
    providers: list[ModelProvider] = Field(
        default_factory=list[ModelProvider],
        max_length=20,
        description="In place of the usual providers, whose keys come from ANTHROPIC_API_KEY and the like.",
    )
    forges: list[ForgeSettings] = Field(
        default_factory=list[ForgeSettings],
        max_length=20,
        description="Beside github.com, gitlab.com, codeberg.org and gitea.com, with tokens from GITHUB_TOKEN etc.",
    )


class ManualWorkerSettings(Section):
    """`muster worker run`: a person or a chat session does the work."""

    poll_seconds: float = Field(
        default=30.0, ge=1, le=60, description="Longest wait of one request for work."
    )


class LogSettings(Section):
    """What the server writes about itself."""

    format: LogFormat | None = Field(
        default=None, description="json or text; default: json in prod, text otherwise."
    )
    level: LogLevel = Field(default="info", description="The least important level written.")


class LimitSettings(Section):
    """The largest requests that are accepted."""

    body_bytes: int = Field(
        default=1_048_576, ge=1024, le=1_073_741_824, description="Body of an ordinary request."
    )
    bulk_body_bytes: int = Field(
        default=16_777_216, ge=1024, le=1_073_741_824, description="Body of bulk and output requests."
    )
    json_depth: int = Field(default=32, ge=4, le=200, description="Nesting of JSON bodies.")


class Settings(Section):
    """Everything that can be configured. Read-only; all paths are absolute."""

    environment: Environment = Field(default="dev", description="dev, test or prod.")
    server: ServerSettings = Field(default_factory=ServerSettings)
    data_dir: Path = Field(
        default=Path(".muster"),
        description="Everything muster writes. Default: .muster beside muster.yml, else the user's data directory.",
    )
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    durability: Durability = Field(
        default="default", description="What is answered only after it would survive power loss."
    )
    task_classes: dict[ClassName, TaskClass] = Field(
        default_factory=_standard_classes,
        description="Timeouts by class; yours are added to the standard four.",
    )
    stale: StaleSettings = Field(default_factory=StaleSettings)
    purge: PurgeSettings = Field(default_factory=PurgeSettings)
    console: ConsoleSettings = Field(default_factory=ConsoleSettings)
    archive: ArchiveSettings = Field(default_factory=ArchiveSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    scripts: ScriptSettings = Field(default_factory=ScriptSettings)
    directories: DirectorySettings = Field(default_factory=DirectorySettings)
    agents: AgentSettings = Field(default_factory=AgentSettings)
    manual_worker: ManualWorkerSettings = Field(default_factory=ManualWorkerSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    config_file: Path | None = Field(
        default=None, exclude=True, description="The file these settings came from."
    )

    origins: dict[str, str] = Field(
        default_factory=dict[str, str],
        exclude=True,
        repr=False,
        description="Where each value that is not a default came from, by dotted key.",
    )

    @field_validator("task_classes", mode="before")
    @classmethod
    def _with_standard_classes(cls, value: Any) -> Any:
        return {**_standard_classes(), **cast(dict[str, Any], value)} if isinstance(value, dict) else value

    @property
    def database_url(self) -> str:
        """The database in use: the configured one, else SQLite in the data directory."""
        return self.database.url or f"sqlite:///{self.data_dir / 'muster.db'}"

    @property
    def log_format(self) -> LogFormat:
        """How log lines are written."""
        return self.log.format or ("json" if self.environment == "prod" else "text")

    @property
    def listen_url(self) -> str:
        """Where a server with these settings answers, seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.server.host, self.server.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server.port}"

    @property
    def server_url(self) -> str:
        """Where commands reach the server, without a trailing slash."""
        return (self.server.url or self.listen_url).rstrip("/")
