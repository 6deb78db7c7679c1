"""The scripted agent: does what a script says, or something small and visible. For demos, documents and tests; needs no key.

A script is a list of turns, a turn a list of steps; a flat list is one turn. See docs/reference/agent-tasks.md.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from muster.agents.programs.dialogue import END, Dialogue, Interrupted, Json

OUTPUT_KEPT: Final = 4_000
SHOWN_FILES: Final = 20
MODEL: Final = "claude-sonnet-4-5"
DAY: Final = 86_400.0
OVERLOADED: Final = "provider_unavailable"
CODES: Final = {400: "agent_error", 401: "auth_failed", 403: "auth_failed", 429: "rate_limited"}


class Failure(Exception):
    """A step that fails: code, message."""


class Agent:
    """One process: a session and its turns."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._calls = 0
        self._said = ""
        self._steps: Mapping[str, Callable[[Any], None]] = {
            "say": self._say,
            "think": lambda text: dialogue.tell("thinking", text=text),
            "plan": self._plan,
            "read": self._read,
            "write": self._write,
            "edit": self._edit,
            "run": self._run,
            "allow": self._allow,
            "ask": self._ask,
            "wait": dialogue.pause,
            "model": self._model,
            "print": lambda count: self._print(int(count)),
            "fail": self._fail,
            "crash": lambda status: os._exit(int(status)),
            "hang": lambda _: dialogue.pause(DAY),
        }

    def work(self) -> int:
        """Turn after turn until standard input ends; the exit status."""
        first = self._dialogue.next()
        session = str(first.get("session") or secrets.token_hex(8))
        memory = Path.home() / ".scripted" / f"{session}.json"
        done: int = json.loads(memory.read_text())["turns"] if memory.exists() else 0
        turns = _turns(first.get("script"))
        self._dialogue.tell("session", session=session, model=str(first.get("model") or ""), version="1")
        status = 0
        word = first
        while word is not END and word["type"] in ("prompt", "say"):
            steps = turns[done] if done < len(turns) else self._usual(str(word.get("text", "")), bool(turns))
            done += 1
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(json.dumps({"turns": done}))
            status = self._turn(steps)
            word = self._dialogue.next()
        return status

    def _turn(self, steps: list[Json]) -> int:
        self._said = ""
        try:
            for step in steps:
                if self._dialogue.interrupted.is_set():
                    raise Interrupted
                for name, value in step.items():
                    self._steps[name](value)
        except Interrupted:
            self._dialogue.tell("result", ok=False, text=self._said, reason="cancelled")
            return 0
        except Failure as failure:
            code, message = failure.args
            self._dialogue.tell("error", code=code, message=message)
            self._dialogue.tell("result", ok=False, text=message, reason=code)
            return 1
        self._dialogue.tell("result", ok=True, text=self._said, reason="end_turn")
        return 0

    def _usual(self, prompt: str, scripted: bool) -> list[Json]:
        """What is done without a script: look around, leave a note, run the tests if there are some."""
        if scripted:
            return [{"say": f"Nothing is scripted for: {prompt[:200]}"}]
        files = sorted(path.name for path in Path().iterdir() if path.is_file())[:SHOWN_FILES]
        readme = next((name for name in files if name.lower().startswith("readme")), None)
        tests = [name for name in files if name.startswith("test_") and name.endswith(".py")]
        steps: list[Json] = [
            {"think": "No script was given, so I do something small that can be seen."},
            {"plan": ["Look around", "Leave a note", *(["Run the tests"] if tests else [])]},
            {"run": "ls"},
        ]
        steps += [{"read": readme}] if readme else []
        note = f"# Note\n\nA scripted agent was here. It was asked:\n\n> {prompt.strip()[:500]}\n"
        steps += [{"write": {"path": "AGENT_NOTE.md", "text": note}}]
        steps += [{"run": "python3 -m unittest -q"}] if tests else []
        return [*steps, {"say": f"I looked at {len(files)} files and left a note in AGENT_NOTE.md."}]

    def _say(self, text: str) -> None:
        self._said = text
        self._dialogue.tell("message", text=text)

    def _plan(self, items: list[str]) -> None:
        self._dialogue.tell("plan", items=[{"text": text, "status": "pending"} for text in items])

    def _call(self, name: str, tool: str, **fields: Any) -> str:
        self._calls += 1
        ident = f"call-{os.getpid()}-{self._calls}"
        self._dialogue.tell("tool_call", id=ident, name=name, tool=tool, **fields)
        return ident

    def _read(self, path: str) -> None:
        ident = self._call("read", "read", title=path, input={"path": path}, paths=[path])
        try:
            text = Path(path).read_text(errors="replace")
        except OSError as error:
            self._dialogue.tell("tool_result", id=ident, status="failed", output=str(error))
            return
        self._dialogue.tell("tool_result", id=ident, output=text[:OUTPUT_KEPT])

    def _write(self, given: Json) -> None:
        path = Path(given["path"])
        ident = self._call("write", "edit", title=str(path), input=given, paths=[str(path)])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(given["text"])
        self._dialogue.tell("tool_result", id=ident, output="written")

    def _edit(self, given: Json) -> None:
        path = Path(given["path"])
        ident = self._call("edit", "edit", title=str(path), input=given, paths=[str(path)])
        text = path.read_text()
        if given["old"] not in text:
            self._dialogue.tell("tool_result", id=ident, status="failed", output="not found in the file")
            return
        path.write_text(text.replace(given["old"], given["new"], 1))
        self._dialogue.tell("tool_result", id=ident, output="edited")

    def _run(self, command: str) -> None:
        ident = self._call("run", "execute", title=command, command=command, input={"command": command})
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            output = self._output(process, ident)
        if self._dialogue.interrupted.is_set():
            self._dialogue.tell("tool_result", id=ident, status="cancelled", output=output)
            raise Interrupted
        status = "completed" if process.returncode == 0 else "failed"
        self._dialogue.tell(
            "tool_result", id=ident, status=status, output=output, exit_code=process.returncode
        )

    def _output(self, process: subprocess.Popen[str], ident: str) -> str:
        """All output, told piece by piece; an interrupt ends the command."""
        watcher = _Watcher(self._dialogue, process)
        watcher.start()
        kept: list[str] = []
        for line in process.stdout or ():
            kept.append(line)
            self._dialogue.tell("tool_result", id=ident, output=line, more=True)
        process.wait()
        watcher.stop()
        return "".join(kept)[-OUTPUT_KEPT:]

    def _allow(self, given: Json | str) -> None:
        """Ask for leave to run a command; run it when it is given."""
        command = given if isinstance(given, str) else str(given["command"])
        answer = self._dialogue.ask(
            "permission",
            title=command,
            tool="run",
            command=command,
            options=[
                {"id": "yes", "label": "Allow once", "kind": "allow_once"},
                {"id": "always", "label": "Always allow exactly this", "kind": "allow_always"},
                {"id": "no", "label": "Deny", "kind": "reject_once"},
            ],
        )
        if str(answer["kind"]).startswith("allow"):
            self._run(command)
        else:
            self._say(f"I may not run {command}: {answer.get('text') or 'no reason given'}")

    def _ask(self, given: Json | str) -> None:
        text = given if isinstance(given, str) else str(given["text"])
        choices = [] if isinstance(given, str) else cast(list[str], given.get("options", []))
        options = [{"id": choice, "label": choice, "kind": "choice"} for choice in choices]
        answer = self._dialogue.ask("question", text=text, options=options)
        self._say(f"You said: {answer.get('option') or answer.get('text') or 'nothing'}")

    def _model(self, given: Json | str) -> None:
        """One real call to a model, through whatever way there is."""
        url = os.environ.get("ANTHROPIC_BASE_URL", "")
        if not url:
            raise Failure("auth_failed", "there is no way to a model (ANTHROPIC_BASE_URL is not set)")
        text = given if isinstance(given, str) else str(given["text"])
        model = MODEL if isinstance(given, str) else str(given.get("model", MODEL))
        body = {"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": text}]}
        request = urllib.request.Request(
            f"{url}/v1/messages",
            json.dumps(body).encode(),
            {
                "content-type": "application/json",
                "anthropic-version": "2023-06-01",
                "x-api-key": os.environ.get("ANTHROPIC_API_KEY", ""),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                told: Json = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                words = error.read().decode(errors="replace")[:1_000]
            code = "budget_exceeded" if "budget_exceeded" in words else CODES.get(error.code, OVERLOADED)
            raise Failure(code, f"the model answered {error.code}: {words}") from error
        except OSError as error:
            raise Failure(OVERLOADED, f"the model did not answer: {error}") from error
        self._say("".join(block.get("text", "") for block in told["content"]))
        used: Json = told["usage"]
        usage = {"input": used["input_tokens"], "output": used["output_tokens"]}
        self._dialogue.tell("usage", usage=usage)

    def _print(self, count: int) -> None:
        for number in range(count):
            self._dialogue.tell("message", text=f"line {number + 1} of {count}")

    def _fail(self, given: Json | str) -> None:
        if isinstance(given, str):
            raise Failure(given, "the script says so")
        raise Failure(str(given["code"]), str(given.get("message", "the script says so")))


class _Watcher:
    """Ends a command when the turn is interrupted."""

    def __init__(self, dialogue: Dialogue, process: subprocess.Popen[str]) -> None:
        import threading  # noqa: PLC0415 - only for commands

        self._done = False
        self._dialogue = dialogue
        self._process = process
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done = True

    def _watch(self) -> None:
        while not self._done:
            if self._dialogue.interrupted.wait(0.2):
                os.killpg(self._process.pid, signal.SIGKILL)
                return


def _turns(script: Any) -> list[list[Json]]:
    if not script:
        return []
    steps = cast(list[Any], script)
    return cast(list[list[Json]], steps if isinstance(steps[0], list) else [steps])


if __name__ == "__main__":
    sys.exit(Agent(Dialogue()).work())
