"""The demo: a small real git repository and a dozen real tasks on it."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muster.bootstrap.paths import demo_mark
from muster.client.client import Client
from muster.domain.errors import MusterError

PROJECT: Final = "demo"
SESSION: Final = "demo"
_FILES: Final = {
    ".gitignore": "__pycache__/\n",
    "README.md": "# Temperature\n\nConverts temperatures. A small real repository for muster's demo.\n",
    "temperature.py": '''"""Convert temperatures."""


def celsius(fahrenheit: float) -> float:
    """Degrees Celsius of degrees Fahrenheit."""
    return (fahrenheit - 32) * 5 / 9


def fahrenheit(celsius: float) -> float:
    """Degrees Fahrenheit of degrees Celsius."""
    return celsius * 9 / 5 + 32
''',
    "test_temperature.py": """import unittest

from temperature import celsius, fahrenheit


class Conversions(unittest.TestCase):
    def test_water_freezes(self):
        self.assertEqual(celsius(32), 0)

    def test_there_and_back(self):
        for degrees in range(-40, 120, 7):
            self.assertAlmostEqual(fahrenheit(celsius(degrees)), degrees)


if __name__ == "__main__":
    unittest.main()
""",
}

_WORDS: Final = """import collections, json, os, pathlib, re
words = re.findall(r"[a-z]+", " ".join(p.read_text().lower() for p in pathlib.Path(".").glob("*.py")))
top = dict(collections.Counter(words).most_common(5))
print("five most frequent words:", top)
result = {"result": {"words": len(words), "top": top}, "cost_usd": 0.0012}
pathlib.Path(os.environ["MUSTER_RESULT_FILE"]).write_text(json.dumps(result))
"""
_RESULT: Final = {
    "type": "object",
    "required": ["words", "top"],
    "properties": {"words": {"type": "integer", "minimum": 1}, "top": {"type": "object"}},
}


def demo_tasks(folder: Path) -> list[dict[str, Any]]:
    """The demo's tasks, as the API takes them; one fails for good and one times out, both on purpose."""
    tasks = [*_plain_tasks(), *_troubled_tasks(), *_dependent_tasks(), _SCRIPTED_TASK, _AGENT_TASK]
    return [task | {"working_dir": str(folder), "tags": ["demo"]} for task in tasks]


def _bash(key: str, title: str, script: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": title, "kind": "bash", "payload": {"script": script}} | more


def _plain_tasks() -> list[dict[str, Any]]:
    return [
        _bash("tests", "Run the unit tests", "python3 -m unittest -v", type="bug_fix", priority="high"),
        _bash("lines", "Count lines of code", "wc -l *.py | tee lines.txt", required_files=["lines.txt"]),
        {
            "key": "words",
            "title": "Count words, with a checked result and a cost",
            "kind": "python",
            "payload": {"script": _WORDS},
            "output_schema": _RESULT,
            "estimated_cost_usd": 0.002,
        },
        {
            "key": "log",
            "title": "Show the repository's history",
            "kind": "command",
            "payload": {"argv": ["git", "-c", "safe.directory=*", "log", "--oneline", "--stat"]},
        },
        _bash("compile", "Compile every file", "python3 -m compileall -f *.py"),
        _bash(
            "slow",
            "Work for a few seconds, output as it comes",
            "for n in 1 2 3 4 5 6; do echo step $n of 6; sleep 0.5; done",
        ),
    ]


def _troubled_tasks() -> list[dict[str, Any]]:
    return [
        _bash(
            "flaky",
            "Fail once, then succeed",
            'echo "attempt $MUSTER_ATTEMPT_NUMBER"; test "$MUSTER_ATTEMPT_NUMBER" -gt 1',
            retry={"max_attempts": 3, "base_seconds": 1, "jitter": 0},
        ),
        _bash(
            "broken",
            "Fail until the retries are used up",
            "echo 'no such luck' >&2; exit 3",
            retry={"max_attempts": 2, "base_seconds": 1, "jitter": 0},
        ),
        _bash(
            "stuck",
            "Run into its timeout",
            "echo waiting for what never comes; sleep 600",
            timeout_seconds=2,
            retry={"max_attempts": 1},
        ),
    ]


def _dependent_tasks() -> list[dict[str, Any]]:
    return [
        _bash(
            "fix",
            "Change a file and pass the acceptance test",
            "echo '- checked by muster' >> CHECKED.md",
            acceptance_command="python3 -m unittest -q",
            type="feature_implementation",
        ),
        _bash(
            "report",
            "Write a report once tests, lines and words are done",
            '{ echo "# Report"; cat lines.txt; git -c safe.directory="*" rev-parse HEAD; } > report.md; cat report.md',
            depends_on=["#tests", "#lines", "#words"],
            required_files=["report.md"],
            type="documentation",
        ),
        _bash(
            "notes",
            "Summarise the report when it and the fix are done",
            "wc -w report.md",
            depends_on=["#report", "#fix"],
            type="documentation",
            priority="low",
        ),
    ]


_KELVIN: Final = '''

def kelvin(celsius: float) -> float:
    """Kelvin of degrees Celsius."""
    return celsius + 273.15
'''
_KELVIN_TEST: Final = """import unittest

from temperature import kelvin


class Kelvin(unittest.TestCase):
    def test_water_freezes(self):
        self.assertAlmostEqual(kelvin(0), 273.15)
"""
_SCRIPTED_TASK: Final = {
    "key": "kelvin",
    "title": "Add a conversion to Kelvin (a scripted agent)",
    "kind": "prompt",
    "type": "feature_implementation",
    "acceptance_command": "python3 -m unittest -q test_kelvin",
    "max_test_fix_cycles": 1,
    "payload": {
        "agent": "scripted",
        "role": "builder",
        "prompt": "Add a function that converts degrees Celsius to Kelvin, with a test.",
        "agent_options": {
            "script": [
                [
                    {"plan": ["Read the module", "Add the function", "Add a test"]},
                    {"read": "temperature.py"},
                    {"say": "I write the test first."},
                    {"write": {"path": "test_kelvin.py", "text": _KELVIN_TEST}},
                    {"say": "The test is there; it should pass now."},
                ],
                [
                    {"think": "The check says that there is no such function yet. Right: I forgot it."},
                    {"run": f"cat >> temperature.py <<'END'{_KELVIN}END"},
                    {"run": "python3 -m unittest -q"},
                    {"say": "I added kelvin() and a test for it; all tests pass."},
                ],
            ]
        },
    },
}
_AGENT_TASK: Final = {
    "key": "agent",
    "title": "Review temperature.py (waits for an agent of yours)",
    "description": "Read temperature.py and say what a reviewer would.",
    "kind": "prompt",
    "queue": "inbox",
    "type": "code_review",
    "estimated_cost_usd": 0.05,
}


class DemoImpossible(MusterError):
    """The demo cannot start: {problem}"""

    code = "demo_impossible"


@dataclass(frozen=True, slots=True)
class Demo:
    """What was seeded, now or by an earlier start (`known`)."""

    folder: Path
    session_id: str
    task_ids: list[str]
    known: bool = False


async def seed(client: Client, folder: Path) -> Demo:
    """Make the repository if it is not there and queue the tasks in a new work session, unless they are there."""
    await make_repository(folder)
    project = await _project(client)
    known = await _known(client, folder, project)
    if known is not None:
        return known
    session = await client.post(
        "/sessions", {"name": SESSION, "context": "The tasks of muster up --demo.", "project_id": project}
    )
    tasks = [{**task, "project": project, "session_id": session["id"]} for task in demo_tasks(folder)]
    answer = await client.post("/tasks/bulk", {"tasks": tasks})
    return Demo(folder, session["id"], [task["id"] for task in answer["items"]])


async def _known(client: Client, folder: Path, project: str) -> Demo | None:
    """The demo of an earlier start, if all of it is still there."""
    sessions = await client.get("/sessions", project=project, limit=100)
    for session in sessions["items"]:
        if session["name"] == SESSION:
            page = await client.get("/tasks", session=session["id"], order="oldest", limit=100)
            if len(page["items"]) == len(demo_tasks(folder)):
                return Demo(folder, session["id"], [task["id"] for task in page["items"]], known=True)
    return None


async def _project(client: Client) -> str:
    page = await client.get("/projects", limit=200)
    for item in page["items"]:
        if item["name"] == PROJECT:
            return item["id"]
    made = await client.post(
        "/projects",
        {"name": PROJECT, "budget_usd": 5.0, "description": "A small repository to look around with."},
    )
    return made["id"]


async def make_repository(folder: Path) -> None:
    """A git repository with one commit; left alone when it exists."""
    if (folder / ".git").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    if shutil.which("git") is None:
        return
    await _git(folder, "init", "--quiet", "--initial-branch=main")
    demo_mark(folder).touch()
    await _git(folder, "add", ".")
    author = ("-c", "user.name=muster", "-c", "user.email=muster@localhost")
    await _git(folder, *author, "commit", "--quiet", "--message", "Convert temperatures")


async def _git(folder: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "git",
        "-C",
        str(folder),
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise DemoImpossible(problem=f"git {arguments[0]} failed: {errors.decode(errors='replace').strip()}")
