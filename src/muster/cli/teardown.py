"""`muster teardown`: delete muster's data, after showing it and asking twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muster.cli.invocation import Invocation, invocation
from muster.domain.errors import Conflict, Forbidden

if TYPE_CHECKING:
    from muster.bootstrap.settings import Settings


class StillRunning(Conflict):
    """The server (process {pid}) still runs with this data. Stop it first: muster stop"""

    code = "still_running"


def teardown(
    context: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Do not ask; stop the server if it runs.")] = False,
    with_config: Annotated[bool, typer.Option("--with-config", help="Delete muster.yml too.")] = False,
) -> None:
    """Delete muster's data, after asking twice. Fine when there is none.

    The repository that 'muster up --demo' made goes with it.
    """
    call = invocation(context)
    settings = call.settings()
    doomed = list(_doomed(settings, with_config=with_config))
    if not doomed:
        call.output.done("Nothing to delete.", {"deleted": []})
        return
    _refuse_foreign(settings)
    _stop_server(settings, force=force)
    for path, size in doomed:
        call.output.note(f"  {path}  ({_size(size)})")
    if settings.database_url.startswith("postgres"):
        call.output.note("The PostgreSQL database is not touched; drop it with its own tools.")
    if not force:
        _ask_twice(call, settings)
    for path, _ in doomed:
        _delete(path)
    call.output.done("Deleted.", {"deleted": [str(path) for path, _ in doomed]})


def _doomed(settings: Settings, *, with_config: bool) -> Iterator[tuple[Path, int]]:
    """What would be deleted, with its size in bytes."""
    from muster.bootstrap.paths import demo_folder, demo_mark

    paths = [settings.data_dir]
    demo = demo_folder(settings.data_dir)
    if demo_mark(demo).exists():
        paths.append(demo)
    url = settings.database_url
    if url.startswith("sqlite:///"):
        database = Path(url.removeprefix("sqlite:///"))
        if not database.is_relative_to(settings.data_dir):
            paths += [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm", "-blobs")]
    if with_config and settings.config_file is not None:
        paths.append(settings.config_file)
    for path in paths:
        if path.exists() or path.is_symlink():
            yield path, _bytes_in(path)


def _bytes_in(path: Path) -> int:
    if path.is_file() or path.is_symlink():
        return path.lstat().st_size
    return sum(
        Path(folder, name).lstat().st_size
        for folder, _, files in os.walk(path, onerror=None)
        for name in files
    )


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _refuse_foreign(settings: Settings) -> None:
    """A data directory that holds more than muster's data is never deleted."""
    data_dir = settings.data_dir
    precious = [Path.home(), Path.cwd(), *([settings.config_file] if settings.config_file else [])]
    holds = next((path for path in precious if path.is_relative_to(data_dir)), None)
    if holds is not None or (data_dir / ".git").exists() or len(data_dir.parts) < 3:
        reason = f"it holds {holds}" if holds else "it is not a directory of muster's own"
        raise Forbidden(problem=f"{data_dir} is not deleted: {reason}")


def _stop_server(settings: Settings, *, force: bool) -> None:
    from muster.bootstrap.daemon import running_server, stop

    present = running_server(settings.data_dir)
    if present is None:
        return
    if not force:
        raise StillRunning(pid=present.pid)
    if not stop(present, 40) and not stop(present, 5, kill=True):
        raise StillRunning(pid=present.pid)


def _ask_twice(call: Invocation, settings: Settings) -> None:
    typer.confirm("Delete all this for good?", abort=True, err=True)
    word: Any = typer.prompt(f"Type the name of the directory ({settings.data_dir.name}) to go on", err=True)
    if str(word).strip() != settings.data_dir.name:
        call.output.note("That is not its name; nothing was deleted.")
        raise typer.Abort


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
