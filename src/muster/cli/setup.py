"""`muster setup`: write a muster.yml, asking for every setting or taking it from flags."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.invocation import Invocation, invocation
from muster.domain.errors import Conflict

ASKED: Final = (
    ("environment", "Environment (dev, test, prod)"),
    ("server.host", "Address to listen on"),
    ("server.port", "Port"),
    ("server.token", "Bearer token (empty: none; needed when others can reach the address)"),
    ("data_dir", "Data directory"),
    ("database.url", "Database (empty: SQLite in the data directory)"),
    ("durability", "Durability (strict, default, relaxed)"),
    ("stale.warn_multiplier", "Warn of a stale task after how many timeouts"),
    ("stale.fail_multiplier", "Fail a stale task after how many timeouts"),
    ("purge.after_days", "Purge finished tasks after days (0: never)"),
    ("worker.enabled", "Run a worker inside the server (true, false)"),
    ("worker.capacity", "Tasks run at once"),
    ("worker.sandbox", "Sandbox (auto, bubblewrap, process, container, gvisor, firecracker)"),
    ("worker.output_limit_mb", "Output kept of one attempt, in MiB"),
    ("scripts.folders", "Folders with scripts, separated by commas"),
    ("manual_worker.poll_seconds", "Seconds a manual worker waits in one request"),
    ("log.level", "Log level (debug, info, warning, error)"),
)
_HEADER: Final = (
    "# muster's settings. Paths start at this file's folder. Each can be overridden by a variable\n"
    "# (server.port: MUSTER_SERVER_PORT) and by a flag (--set server.port=5006).\n"
)


class AlreadyConfigured(Conflict):
    """{path} exists already. Give --force to write it anew, or edit it."""

    code = "already_configured"


def setup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where muster.yml goes.")] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: defaults and --set flags.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing muster.yml.")] = False,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="TCP port to listen on.")] = None,
) -> None:
    """Write a muster.yml, asking for every setting, or from flags.

    --yes asks nothing; --host, --port, --data-dir, --database-url and --set KEY=VALUE give the values.
    """
    call = invocation(context)
    call.override("server.host", host)
    call.override("server.port", port)
    from muster.bootstrap.daemon import prepare_data_dir

    target = folder.absolute() / "muster.yml"
    if target.exists() and not force:
        raise AlreadyConfigured(path=target)
    values = _chosen(call) if yes else _asked(call)
    settings = _written(target, values)
    prepare_data_dir(settings.data_dir)
    for scripts in settings.scripts.folders:
        scripts.mkdir(parents=True, exist_ok=True)
    call.output.done(
        f"Wrote {target}; data goes to {settings.data_dir}\nNext: muster start",
        {"config_file": str(target), "data_dir": str(settings.data_dir)},
    )


def _defaults() -> dict[str, str]:
    """What is offered for each setting."""
    from muster.bootstrap.settings import Settings

    dump: dict[str, Any] = Settings(data_dir=Path(".muster")).model_dump(mode="json")
    offered: dict[str, str] = {}
    for key, _ in ASKED:
        value: Any = dump
        for part in key.split("."):
            value = value[part]
        offered[key] = _as_text(value)
    return offered


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(str(item) for item in cast(list[object], value))
        case _:
            return str(value)


def _chosen(call: Invocation) -> dict[str, str]:
    """The values of flags; a token is made when the address needs one and none was given."""
    values = dict(call.overrides)
    if "server.host" in values and "server.token" not in values and not _is_loopback(values["server.host"]):
        values["server.token"] = secrets.token_urlsafe(32)
        call.output.note("Made a token, because other machines can reach the address; it is in muster.yml.")
    return values


def _asked(call: Invocation) -> dict[str, str]:
    """Every setting as confirmed or changed at the prompt; flags and defaults are offered."""
    from muster.bootstrap.loading import InvalidSettings, load_settings

    values: dict[str, str] = dict(call.overrides)
    offered = _defaults()
    for key, question in ASKED:
        default = values.get(key, offered[key])
        if key == "server.token" and not default and not _is_loopback(values.get("server.host", "127.0.0.1")):
            default = secrets.token_urlsafe(32)
        while True:
            answer = str(
                typer.prompt(question, default=default, err=True, show_default=bool(default))
            ).strip()
            values[key] = answer
            try:
                load_settings(flags=_given(values, offered), environ={}, cwd=Path("/"))
            except InvalidSettings as error:
                if key not in error.message and key != "server.token":
                    break
                call.output.note(error.message)
            else:
                break
    return _given(values, offered)


def _given(values: dict[str, str], offered: dict[str, str]) -> dict[str, str]:
    """What differs from the defaults, and the settings everybody wants to see in the file."""
    always = ("environment", "server.host", "server.port", "data_dir")
    return {
        key: value for key, value in values.items() if value and (key in always or value != offered.get(key))
    }


def _is_loopback(host: str) -> bool:
    from muster.bootstrap.settings import ServerSettings

    return ServerSettings(host=host, token="x" * 16).is_loopback  # pyright: ignore[reportArgumentType]


def _written(target: Path, values: dict[str, str]) -> Any:
    """Check the values, write the file for its owner only, and give the settings it means."""
    from muster.bootstrap.daemon import write_private
    from muster.bootstrap.loading import load_settings, nested, read_yaml

    checked = load_settings(flags=values, environ={}, cwd=target.parent)
    import yaml

    document = nested(values, checked)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_private(target, _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    read_yaml(target)
    return load_settings(environ={}, cwd=target.parent, config=target)
