"""The `muster` command: every verb with its one-line help, imported only when it is used."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from muster.cli.invocation import Invocation, common_options
from muster.domain.errors import MusterError


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: where its code is (`module:name` below muster.cli) and what `muster --help` says of it."""

    name: str
    target: str
    help: str


VERBS: Final = (
    Verb("setup", "setup:setup", "Write a muster.yml, asking for every setting, or from flags."),
    Verb("up", "server:up", "Run the server in this terminal until Ctrl-C."),
    Verb("start", "server:start", "Start the server in the background; wait until it takes work."),
    Verb("stop", "server:stop", "Stop the background server; it finishes what it is writing."),
    Verb("restart", "server:restart", "Stop the server if it runs, and start it again."),
    Verb("status", "server:status", "Show what the server does now."),
    Verb("enqueue", "enqueue:enqueue", "Queue a task, or many from a file."),
    Verb("run", "run:run", "Queue a task, follow it live, and end with its exit code."),
    Verb("tasks", "tasks:tasks", "List tasks, newest first."),
    Verb("task", "tasks:task", "Show one task with its attempts."),
    Verb("logs", "logs:logs", "Show a task's output; -f follows it."),
    Verb(
        "conversation", "conversation:conversation", "Show what a task's agent says and does; -f follows it."
    ),
    Verb("files", "files:files", "List the files a task's agent changed and read."),
    Verb("diff", "files:diff", "Show what a task's agent changed, as a unified diff."),
    Verb("compare", "compare:compare", "Put two attempts, or two tasks, beside each other."),
    Verb("bundle", "bundle:bundle", "Save all that an attempt left as one zip archive."),
    Verb("calls", "calls:calls", "List a task's calls to models with tokens and cost."),
    Verb("review", "review:review", "Show, comment on and decide on a task's result."),
    Verb("merge", "merge:merge", "Merge a task's work into a branch of its repository."),
    Verb("branches", "branches:branches", "List agents' branches and what they left; --reclaim removes."),
    Verb("waiting", "tasks:waiting", "Say why each waiting task waits."),
    Verb("cancel", "tasks:cancel", "Cancel tasks, running ones too."),
    Verb("requeue", "tasks:requeue", "Queue finished tasks again."),
    Verb("move", "tasks:move", "Put a waiting task right before or after another one."),
    Verb("rerun", "tasks:rerun", "Queue new tasks like given ones."),
    Verb("archive", "tasks:archive", "Put finished tasks out of sight."),
    Verb("unarchive", "tasks:unarchive", "Bring archived tasks back."),
    Verb("claim", "claim:claim", "Claim the next task of a queue, or a certain one."),
    Verb("complete", "claim:complete", "Report a claimed task as done."),
    Verb("fail", "claim:fail", "Report a claimed task as failed."),
    Verb("queue", "queue:app", "List, make, change, pause and archive queues."),
    Verb("session", "session:app", "List, make and end work sessions."),
    Verb("project", "project:app", "List, make, pause and fund projects."),
    Verb("inbox", "inbox:inbox", "List what agents wait for."),
    Verb("answer", "inbox:answer", "Answer an agent: allow, deny, or words."),
    Verb("extend", "inbox:extend", "Give a request that would expire more time."),
    Verb("ask-again", "inbox:ask_again", "Let an agent ask again what expired."),
    Verb("say", "inbox:say", "Tell the agent that works on a task something."),
    Verb("interrupt", "inbox:interrupt", "Stop the turn of the agent that works on a task."),
    Verb("pause", "inbox:pause", "Let the agent that works on a task stand still."),
    Verb("resume", "inbox:resume", "Let a paused agent go on."),
    Verb("permissions", "inbox:permissions", "List and take back what agents may do unasked."),
    Verb("role", "role:app", "List, make, try and remove roles of agents."),
    Verb("agents", "agents:app", "List agents with what they do, and see which are installed."),
    Verb("activity", "agents:activity", "Show what happened lately, newest first."),
    Verb("scripts", "scripts:scripts", "List and search the scripts that can be queued by name."),
    Verb("reload", "scripts:reload", "Read the script folders again."),
    Verb("worker", "worker:app", "Start a worker on this host, list workers, work by hand."),
    Verb("providers", "providers:providers", "List model providers that fail; try one again."),
    Verb("console", "console:console", "Open a shell in the sandbox of a task that runs."),
    Verb(
        "sandboxes",
        "hosts:sandboxes",
        "List open sandboxes with what each uses; end one.",
    ),
    Verb("image", "image:app", "Build and show the image that virtual machines start from."),
    Verb("mcp", "mcp:mcp", "Serve muster's tools to an MCP client over stdio."),
    Verb("purge", "purge:purge", "Remove finished tasks."),
    Verb("doctor", "operations:doctor", "Check this machine and the settings."),
    Verb("verify", "operations:verify", "Replay the log against the rows and check its hash chain."),
    Verb("backup", "operations:backup", "Copy the database while the server runs, and check the copy."),
    Verb("restore", "operations:restore", "Put a backup in place of the database."),
    Verb("db", "db:app", "Show and upgrade the database's schema."),
    Verb("teardown", "teardown:teardown", "Delete muster's data, after asking twice."),
)


class LazyGroup(TyperGroup):
    """Knows its verbs by name and help; the code of the one that is used replaces its stand-in."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for verb in VERBS:
            self.add_command(TyperCommand(name=verb.name, short_help=verb.help, rich_markup_mode=None))
        self.params.extend(_common_params(hidden=False))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the verb, importing it."""
        for verb in VERBS:
            if args and verb.name == args[0]:
                self.add_command(load_verb(verb))
        return super().resolve_command(ctx, args)


def load_verb(verb: Verb) -> Any:
    """The command of a verb, with the common options."""
    module_name, _, name = verb.target.partition(":")
    found: Any = getattr(import_module(f"muster.cli.{module_name}"), name)
    if not isinstance(found, typer.Typer):
        app = _typer()
        app.command(verb.name)(found)
        found = app
    command = typer.main.get_command(found)
    command.name = verb.name
    _add_common_options(command)
    return command


def _typer() -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _common_params(*, hidden: bool) -> list[Any]:
    app = _typer()
    app.command()(common_options)
    params = [param for param in typer.main.get_command(app).params if param.name != "help"]
    for param in params:
        if hidden and "--json" not in param.opts:
            setattr(param, "hidden", True)  # noqa: B010 - options have it, their declared type does not
    return params


def _add_common_options(command: Any) -> None:
    """Give a command, and the commands below it, those common options it does not define itself."""
    taken = {option for param in command.params for option in param.opts}
    command.params.extend(param for param in _common_params(hidden=True) if not taken & set(param.opts))
    for child in getattr(command, "commands", {}).values():
        _add_common_options(child)


def build() -> Any:
    """The whole command line."""
    app = typer.Typer(
        cls=LazyGroup,
        name="muster",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 no server, 4 not found, 5 conflict, 6 invalid, "
        "7 not allowed, 8 unavailable, 124 timed out, 130 interrupted.",
    )

    @app.callback(invoke_without_command=True)
    def muster(
        context: typer.Context,
        version: bool = typer.Option(False, "--version", help="Show the version and exit."),
    ) -> None:
        """Control plane for fleets of coding agents: queue work, walk away, review results later."""
        if version:
            from importlib.metadata import version as version_of

            sys.stdout.write(f"muster {version_of('muster-fleet')}\n")
            raise typer.Exit
        if context.invoked_subcommand is None:
            raise typer.BadParameter("name a verb; 'muster --help' lists them")

    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # Imports and the building of models make no garbage: looking for it took a quarter of the server's start.
    gc.set_threshold(50_000, 20, 20)
    invocation = Invocation()
    try:
        build().main(args=arguments, prog_name="muster", obj=invocation)
    except MusterError as error:
        from muster.cli.exits import report

        sys.exit(report(error, as_json=invocation.output.as_json))
    except OSError as error:
        sys.stderr.write(
            f"muster: {error.strerror or error}{f': {error.filename}' if error.filename else ''}\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
