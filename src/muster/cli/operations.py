"""Looking after the installation: doctor, verify, backup, restore."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from muster.cli.exits import ExitCode
from muster.cli.invocation import Invocation, invocation
from muster.cli.output import Column, Output
from muster.domain.errors import Conflict, InvalidInput

CHECK_COLUMNS: Final = (
    Column("check", "name"),
    Column("result", "status"),
    Column("found", "message", flexible=True),
    Column("what to do", "remedy", flexible=True),
)
Progress = Callable[[int, int, str], None]


class ServerRuns(Conflict):
    """The server (process {pid}) has the database open. Stop it first: muster stop"""

    code = "server_runs"


def doctor(context: typer.Context) -> None:
    """Check this machine and the settings; ends with 1 when something must be mended."""
    call = invocation(context)
    settings = call.settings()
    from muster.bootstrap.loading import misspelt_variables

    checks = [_as_record(check) for check in _run("doctor", settings)]
    checks += [{"name": "variable", "status": "warn", "message": text} for text in misspelt_variables()]
    call.output.table(checks, CHECK_COLUMNS, empty="", answer={"checks": checks})
    if any(check["status"] == "fail" for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def verify(context: typer.Context) -> None:
    """Replay the log against the rows and check its hash chain; ends with 1 when they differ."""
    call = invocation(context)
    settings = call.settings()
    with _bar(call.output, "verifying") as progress:
        report = _run("verify", settings, progress=progress)
    _show(call, report)
    if not report.ok:
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
        report = _run("backup", settings, target.absolute(), progress=progress)
    _show(call, report)
    if not report.ok:
        raise typer.Exit(ExitCode.FAILED)


def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by 'muster backup'.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also over work that is there, and from a damaged original.")
    ] = False,
) -> None:
    """Put a backup in place of the database. The server must be stopped; an old SQLite database is kept aside."""
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
        report = _run("restore", settings, source.absolute(), force=force, progress=progress)
    _show(call, report)
    if not report.ok:
        raise typer.Exit(ExitCode.FAILED)


def _run(name: str, *arguments: object, **options: object) -> Any:
    """Run one of the operator functions to its end."""
    import asyncio

    function: Any = getattr(import_module("muster.bootstrap.operations"), name)
    return asyncio.run(function(*arguments, **options))


def _as_record(report: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(report)


def _show(call: Invocation, report: Any) -> None:
    """A report: its problems and message for people, all of it for programs."""
    if call.output.as_json:
        call.output.json({"ok": report.ok, "message": report.message, **_as_record(report)})
        return
    for problem in report.problems:
        call.output.text(f"- {problem}")
    call.output.text(report.message)


@contextmanager
def _bar(output: Output, title: str) -> Generator[Progress]:
    """A bar driven by `progress(done, total, what)`."""
    with output.progress(title, None) as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.show(done, total, what)

        yield progress
