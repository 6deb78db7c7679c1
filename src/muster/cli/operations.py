"""Looking after the installation: doctor, verify, backup, restore."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.exits import ExitCode
from muster.cli.invocation import Invocation, invocation
from muster.cli.output import Column, Output
from muster.domain.errors import Conflict, InvalidInput

CHECK_COLUMNS: Final = (Column("check", "name"), Column("result", "status"), Column("", "message"))


class ServerRuns(Conflict):
    """The server (process {pid}) has the database open. Stop it first: muster stop"""

    code = "server_runs"


def doctor(context: typer.Context) -> None:
    """Check this machine and the settings; ends with 1 when something must be mended."""
    call = invocation(context)
    settings = call.settings()
    from muster.bootstrap.loading import misspelt_variables

    checks = cast(list[dict[str, Any]], _operations().doctor(settings))
    checks = [
        *checks,
        *({"name": "variable", "status": "warn", "message": text} for text in misspelt_variables()),
    ]
    call.output.table(checks, CHECK_COLUMNS, empty="", answer={"checks": checks})
    if any(check["status"] == "fail" for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def verify(context: typer.Context) -> None:
    """Replay the log against the rows and check its hash chain; ends with 1 when they differ."""
    call = invocation(context)
    settings = call.settings()
    with _bar(call.output, "verifying") as progress:
        report = cast(dict[str, Any], _operations().verify(settings, progress=progress))
    _show(call, report)
    if not report["ok"]:
        raise typer.Exit(ExitCode.FAILED)


def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; must not exist.")],
) -> None:
    """Copy the database while the server runs, and check the copy."""
    call = invocation(context)
    settings = call.settings()
    if target.exists():
        raise InvalidInput(field="FILE", problem=f"{target} exists already; name a new file")
    with _bar(call.output, "backing up") as progress:
        report = cast(dict[str, Any], _operations().backup(settings, target.absolute(), progress=progress))
    _show(call, report)


def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by 'muster backup'.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put a backup in place of the database. The server must be stopped; the old database is kept aside."""
    call = invocation(context)
    settings = call.settings()
    from muster.bootstrap.daemon import running_server

    present = running_server(settings.data_dir)
    if present is not None:
        raise ServerRuns(pid=present.pid)
    if not source.is_file():
        raise InvalidInput(field="FILE", problem=f"{source} is not a file")
    if not yes:
        typer.confirm(f"Replace the database in {settings.data_dir} with {source}?", abort=True, err=True)
    with _bar(call.output, "restoring") as progress:
        report = cast(dict[str, Any], _operations().restore(settings, source.absolute(), progress=progress))
    _show(call, report)


def _operations() -> Any:
    return import_module("muster.bootstrap.operations")


def _show(call: Invocation, report: dict[str, Any]) -> None:
    """A report: its `message` and `problems` for people, all of it for programs."""
    if call.output.as_json:
        call.output.json(report)
        return
    for problem in cast(list[object], report.get("problems") or []):
        call.output.text(f"- {problem}")
    call.output.text(str(report["message"]))


@contextmanager
def _bar(output: Output, title: str) -> Generator[Callable[[int, int], None]]:
    """A bar driven by `progress(done, total)`."""
    with output.progress(title, None) as bar:
        last = 0

        def progress(done: int, total: int) -> None:
            nonlocal last
            bar.total(total)
            bar.advance(done - last)
            last = done

        yield progress
