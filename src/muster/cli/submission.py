"""What a new task is made of on the command line: the options that `enqueue` and `run` share."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer

from muster.domain.errors import InvalidInput

Texts = list[str]
_OPTIONS: Final = {"max_cost_usd": "max-cost", "fallbacks": "fallback"}
"""Of payload fields that are called otherwise on the command line."""


@dataclass(slots=True, kw_only=True)
class Submission:
    """The options of a new task, as given."""

    argv: Annotated[list[str] | None, typer.Argument(metavar="-- PROGRAM", help="A program to run.")] = None
    bash: Annotated[str | None, typer.Option("--bash", "-b", metavar="TEXT", help="Bash code to run.")] = None
    python: Annotated[str | None, typer.Option("--python", metavar="TEXT", help="Python code to run.")] = None
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="A .sh or .py file whose text is run.")
    ] = None
    script: Annotated[
        str | None,
        typer.Option("--script", "-s", metavar="NAME", help="A script of the index; see 'muster scripts'."),
    ] = None
    prompt: Annotated[
        str | None, typer.Option("--prompt", metavar="TEXT", help="Words for an agent or a person.")
    ] = None
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent", "-A", metavar="NAME", help="The agent for a prompt; see 'muster agents detect'."
        ),
    ] = None
    role: Annotated[
        str | None, typer.Option("--role", metavar="NAME", help="Who it is to be; see 'muster role list'.")
    ] = None
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="NAME")] = None
    fallback: Annotated[
        list[str] | None,
        typer.Option(
            "--fallback",
            metavar="MODEL",
            help="Next when a quota is used up: a model, @AGENT or @AGENT:MODEL. Repeatable.",
        ),
    ] = None
    permissions: Annotated[
        str | None, typer.Option("--permissions", help="What it may do unasked: read, ask, edit or full.")
    ] = None
    base: Annotated[
        str | None, typer.Option("--base", metavar="REF", help="The branch, tag or commit it starts from.")
    ] = None
    integrate: Annotated[
        bool,
        typer.Option("--integrate", help="Start with the work of the tasks it depends on, merged."),
    ] = False
    owns: Annotated[
        list[str] | None,
        typer.Option("--owns", metavar="GLOB", help="Files it may change. Repeatable."),
    ] = None
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", metavar="USD", min=0, help="What an attempt's models may cost."),
    ] = None
    cycles: Annotated[
        int | None,
        typer.Option("--cycles", metavar="N", min=0, help="How often it may mend what --accept finds."),
    ] = None
    sandbox: Annotated[
        str | None,
        typer.Option(
            "--sandbox", metavar="LEVEL", help="The isolation it demands, e.g. bubblewrap or gvisor."
        ),
    ] = None
    allow_hosts: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name it may reach, and no other. Repeatable."),
    ] = None
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="NAME=VALUE", help="A value for the script. Repeatable."),
    ] = None
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME")] = None
    project: Annotated[str | None, typer.Option("--project", "-p", metavar="NAME")] = None
    session: Annotated[str | None, typer.Option("--session", metavar="ID")] = None
    title: Annotated[str | None, typer.Option("--title", "-t", metavar="TEXT")] = None
    description: Annotated[str | None, typer.Option("--description", metavar="TEXT")] = None
    type: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="feature_implementation, bug_fix, code_review, documentation, custom or one of yours.",
        ),
    ] = None
    priority: Annotated[str | None, typer.Option("--priority", help="urgent, high, medium or low.")] = None
    task_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Timeout class, e.g. FAST_SCRIPT.")
    ] = None
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001)] = None
    working_dir: Annotated[
        Path | None,
        typer.Option(
            "--working-dir",
            "-C",
            metavar="DIR",
            help="Scripts and commands work in this folder itself, agents in a copy of its repository.",
        ),
    ] = None
    env: Annotated[
        list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Repeatable.")
    ] = None
    depends_on: Annotated[
        list[str] | None,
        typer.Option("--after", "-a", metavar="TASK", help="Wait for this task. Repeatable."),
    ] = None
    parent: Annotated[str | None, typer.Option("--parent", metavar="TASK")] = None
    tags: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Repeatable.")] = None
    requires: Annotated[
        list[str] | None,
        typer.Option("--require", metavar="LABEL", help="What a worker must offer. Repeatable."),
    ] = None
    assign: Annotated[
        str | None, typer.Option("--assign", metavar="AGENT", help="Only this agent may take it.")
    ] = None
    attempts: Annotated[
        int | None, typer.Option("--attempts", metavar="N", min=1, help="Tries before it counts as failed.")
    ] = None
    estimate: Annotated[
        float | None, typer.Option("--estimate", metavar="USD", min=0, help="Expected cost.")
    ] = None
    network: Annotated[bool, typer.Option("--network", help="Let it use the network.")] = False
    required_files: Annotated[
        list[str] | None,
        typer.Option("--produces", metavar="FILE", help="Must exist afterwards. Repeatable."),
    ] = None
    acceptance: Annotated[
        str | None,
        typer.Option("--accept", metavar="COMMAND", help="Must succeed afterwards, e.g. the test suite."),
    ] = None
    output_schema: Annotated[
        Path | None,
        typer.Option("--output-schema", metavar="FILE", help="JSON schema the result must match."),
    ] = None
    idempotency_key: Annotated[
        str | None, typer.Option("--key", metavar="TEXT", help="The same key twice makes one task.")
    ] = None
    extra: dict[str, Any] = field(default_factory=dict[str, Any])

    def body(self) -> dict[str, Any]:
        """The body of the request that queues this task; InvalidInput when the options do not fit together."""
        body: dict[str, Any] = {"queue": self.queue, "project": self.project, "session_id": self.session}
        body |= {"title": self.title, "description": self.description, "type": self.type}
        body |= {"priority": self.priority, "task_class": self.task_class, "timeout_seconds": self.timeout}
        body |= {"depends_on": self.depends_on, "parent_id": self.parent, "tags": self.tags}
        body |= {"requires": self.requires, "assigned_to": self.assign, "estimated_cost_usd": self.estimate}
        body |= {"required_files": self.required_files, "acceptance_command": self.acceptance}
        body |= {"idempotency_key": self.idempotency_key, "max_test_fix_cycles": self.cycles}
        if self.sandbox is not None:
            body["requires"] = [*(self.requires or []), f"sandbox:{self.sandbox}"]
        if self.network:
            body["network"] = True
        if self.attempts is not None:
            body["retry"] = {"max_attempts": self.attempts}
        if self.working_dir is not None:
            body["working_dir"] = str(self.working_dir.absolute())
        if self.output_schema is not None:
            body["output_schema"] = _json_file(self.output_schema)
        if self.script is None:
            body |= self._work()
        else:
            self._refuse({**self._of_agent(), "allow-host": self.allow_hosts}, "is not for --script")
            body["inputs"] = pairs(self.inputs, "--input")
        return {name: value for name, value in body.items() if value is not None and value != []}

    def _work(self) -> dict[str, Any]:
        """Kind, payload and, if none is given, a title made from what is run."""
        kind, payload, title = self._kind()
        if self.env:
            payload["env"] = pairs(self.env, "--env")
        if self.inputs:
            payload["inputs"] = pairs(self.inputs, "--input")
        if kind != "prompt":
            self._refuse(self._of_agent(), "is for --prompt")
        if self.allow_hosts:
            if kind == "manual":
                self._refuse({"allow-host": self.allow_hosts}, "is for work that muster runs")
            payload["allow_hosts"] = self.allow_hosts
        work: dict[str, Any] = {"kind": kind, "title": self.title or _title(title)}
        if kind == "prompt":
            work["description"] = self.description or self.prompt
        if payload:
            work["payload"] = payload
        return work

    def _kind(self) -> tuple[str, dict[str, Any], str]:
        given = [
            name for name in ("argv", "bash", "python", "file", "script", "prompt") if getattr(self, name)
        ]
        if len(given) > 1:
            raise InvalidInput(field="task", problem=f"give one of {', '.join(given)}, not several")
        if self.argv:
            return "command", {"argv": self.argv}, " ".join(self.argv)
        if self.bash:
            return "bash", {"script": self.bash}, self.bash
        if self.python:
            return "python", {"script": self.python}, self.python
        if self.prompt:
            return "prompt", self._agent(), self.prompt
        if self.file is not None:
            return self._of_file(self.file)
        if self.title:
            return "manual", {}, self.title
        raise InvalidInput(
            field="task",
            problem="say what to do: -- PROGRAM ARGS, --bash, --python, --file, --script, --prompt, "
            "or just --title for work by hand",
        )

    def _agent(self) -> dict[str, Any]:
        """The payload of a prompt; empty when it is for somebody else's agent."""
        given = self._of_agent()
        if not (self.agent or self.role):
            self._refuse({**given, "allow-host": self.allow_hosts}, "needs --agent or --role beside it")
        return given

    @staticmethod
    def _refuse(given: Mapping[str, Any], problem: str) -> None:
        for name, value in given.items():
            if value:
                raise InvalidInput(field=f"--{_OPTIONS.get(name, name)}", problem=problem)

    def _of_agent(self) -> dict[str, Any]:
        payload: dict[str, Any] = {"agent": self.agent, "role": self.role, "model": self.model}
        payload |= {"permissions": self.permissions, "base": self.base, "owns": self.owns}
        payload |= {"integrate": self.integrate}
        payload |= {"max_cost_usd": self.max_cost}
        payload |= {"fallbacks": [fallback_of(words) for words in self.fallback or ()]}
        return {name: value for name, value in payload.items() if value}

    def _of_file(self, path: Path) -> tuple[str, dict[str, Any], str]:
        kinds = {".sh": "bash", ".bash": "bash", ".py": "python"}
        if path.suffix not in kinds:
            raise InvalidInput(field="--file", problem=f"{path} must end in .sh, .bash or .py")
        return kinds[path.suffix], {"script": read_text(path)}, path.name


def _title(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "task")
    return first if len(first) <= 80 else f"{first[:79]}\u2026"


def pairs(items: list[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping; InvalidInput for one without a name."""
    found: dict[str, str] = {}
    for item in items or []:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise InvalidInput(field=option, problem=f"{item!r} must look like NAME=VALUE")
        found[name] = value
    return found


def read_text(path: Path) -> str:
    """The text of a file; InvalidInput when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            field=str(path), problem=f"cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


def text_or_file(text: str) -> str:
    """The text itself, or that of a file for `@FILE`."""
    return read_text(Path(text[1:])) if text.startswith("@") else text


def _json_file(path: Path) -> object:
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise InvalidInput(field=str(path), problem=f"is not JSON: {error}") from error


def with_task_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a task: it is called with a `Submission` after its own parameters."""
    hints = get_type_hints(Submission, include_extras=True)
    own = [
        item
        for item in inspect.signature(function, eval_str=True).parameters.values()
        if item.name != "submission"
    ]
    shared = [
        inspect.Parameter(
            item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name]
        )
        for item in fields(Submission)
        if item.name != "extra"
    ]
    names = {item.name for item in shared}

    def command(**values: Any) -> None:
        given = {name: values.pop(name) for name in list(values) if name in names}
        function(**values, submission=Submission(**given))

    command.__doc__ = function.__doc__
    parameters = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own] + shared
    command.__annotations__ = {item.name: item.annotation for item in parameters}
    setattr(command, "__signature__", inspect.Signature(parameters))  # noqa: B010 - functions do not declare it
    return command


def fallback_of(words: str) -> dict[str, str]:
    """A model's name, `@AGENT`, or `@AGENT:MODEL`."""
    if not words.startswith("@"):
        return {"model": words}
    agent, _, model = words[1:].partition(":")
    return {"agent": agent} | ({"model": model} if model else {})
