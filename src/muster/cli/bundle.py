"""`muster bundle`: all that an attempt left, as one archive."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from muster.cli.connection import Connection, path
from muster.cli.exits import CommandFailed
from muster.cli.invocation import invocation
from muster.cli.task_ids import full_id
from muster.domain.errors import Conflict, NotFound


class FileExists(Conflict):
    """{file} is there already. Name another file with -o, or overwrite it with --force."""

    code = "file_exists"


class NeverTried(Conflict):
    """{task} was not tried yet, so there is nothing of it to save."""

    code = "never_tried"


class NoFolder(NotFound):
    """There is no folder {id} to save into."""

    code = "no_folder"


class BundleBroken(CommandFailed):
    """The archive ended in the middle, nothing was kept: {problem}. Try again; the server's log says more."""

    code = "bundle_broken"


def bundle(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK")],
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Default: the latest.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: TASK.N.zip here; - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Save all that an attempt left as one zip archive: prompt, words, tools, output, diff and changed files.

    What looks like a key is shown as ***, and files whose names say that they hold secrets are left out;
    manifest.json in it tells what is not there.
    """
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        number = attempt or int(connection.get(path("tasks", identity))["attempts"])
        if not number:
            raise NeverTried(task=identity)
        if output == "-":
            for piece in connection.stream(path("tasks", identity, "bundle"), attempt=number):
                sys.stdout.buffer.write(piece)
            return
        target = Path(output or f"{identity}.{number}.zip")
        if not target.parent.is_dir():
            raise NoFolder(noun="folder", id=str(target.parent))
        if target.exists() and not force:
            raise FileExists(file=target)
        size = _save(connection, identity, number, target)
    if call.output.as_json:
        call.output.json({"task_id": identity, "attempt": number, "file": str(target), "bytes": size})
    else:
        call.output.text(f"{target}, {size:,} bytes")


def _save(connection: Connection, identity: str, number: int, target: Path) -> int:
    """Write the archive beside the file first, so that half of one never stands under its name."""
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("wb") as file:
            for piece in connection.stream(path("tasks", identity, "bundle"), attempt=number):
                file.write(piece)
        try:
            zipfile.ZipFile(partial).close()
        except zipfile.BadZipFile as error:
            raise BundleBroken(problem=str(error)) from error
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size
