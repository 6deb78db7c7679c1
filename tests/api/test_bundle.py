"""The bundle of an attempt over the API."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from muster.api.app import App
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire_runs import FileChangeReport, FilesRequest, RunRequest
from muster.domain.transcript import Message, ToolCall, ToolKind, ToolResult
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, submit

KEY = "ghp_" + "a1B2" * 9
Held = dict[str, Any]


@pytest.fixture
def worker(app: App) -> Client:
    return Client(InProcessTransport(app))


@pytest.fixture
async def held(api: Api, store: Store, worker: Client) -> Held:
    """A claimed task whose agent said something and changed files."""
    await submit(store, "Mend the pipe")
    (held,) = await claim(api)
    await worker.describe_run(
        held["attempt_id"], RunRequest(token=held["token"], agent="claude", model="m", branch="muster/x")
    )
    entries = [
        Message("Fix it.", role="user"),
        Message(f"The key is {KEY}."),
        ToolCall("t1", "Bash", tool=ToolKind.EXECUTE, command="true"),
        ToolResult("t1", output="done"),
    ]
    await worker.send_transcript(held["attempt_id"], held["token"], 0, entries)
    return held


async def change(
    worker: Client, held: Held, path: str, before: str | None, after: bytes | None
) -> FileChangeReport:
    async def blob(content: bytes) -> str:
        return await worker.put_blob(held["attempt_id"], held["token"], content)

    kind = "created" if before is None else "deleted" if after is None else "modified"
    return FileChangeReport(
        path=path,
        change=kind,
        before_blob=None if before is None else await blob(before.encode()),
        after_blob=None if after is None else await blob(after),
    )


def unpacked(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


async def test_a_bundle_has_all_that_an_attempt_left(api: Api, worker: Client, held: Held) -> None:
    """OD-8: the four files, the output, one patch and the changed files, below one folder"""
    files = [
        await change(worker, held, "src/a.py", "one\n", b"two\n"),
        await change(worker, held, "../../evil.sh", None, b"x\n"),
        await change(worker, held, ".env", None, b"TOKEN=1\n"),
        await change(worker, held, "gone.txt", "old\n", None),
        await change(worker, held, "logo.png", None, b"\x89PNG\xff\xfe"),
    ]
    await worker.send_files(held["attempt_id"], FilesRequest(token=held["token"], files=files))
    reply = await api.get(f"/api/v1/tasks/{held['task_id']}/bundle")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/zip")
    top = f"{held['task_id']}.1"
    assert reply.headers["content-disposition"] == f'attachment; filename="{top}.zip"'
    found = unpacked(reply.body)
    assert sorted(found) == sorted(
        f"{top}/{name}"
        for name in (
            "prompt.txt",
            "text.txt",
            "tools.jsonl",
            "summary.jsonl",
            "output.txt",
            "diff.patch",
            "manifest.json",
            "files/src/a.py",
            "files/evil.sh",
            "files/logo.png",
        )
    )
    assert found[f"{top}/prompt.txt"] == b"Fix it."
    assert found[f"{top}/text.txt"] == b"The key is ***."
    assert found[f"{top}/files/src/a.py"] == b"two\n"
    assert found[f"{top}/files/logo.png"] == b"\x89PNG\xff\xfe"
    patch = found[f"{top}/diff.patch"].decode()
    assert "-one\n+two\n" in patch
    assert "+++ /dev/null" in patch
    assert "TOKEN" not in patch
    manifest = json.loads(found[f"{top}/manifest.json"])
    assert (manifest["task_id"], manifest["attempt"], manifest["agent"]) == (held["task_id"], 1, "claude")
    assert manifest["masked"] == {"text.txt": 1}
    assert manifest["left_out"] == [{"name": ".env", "why": "its name says that it holds secrets"}]
    assert {one["path"]: one.get("name") for one in manifest["files"]}["../../evil.sh"] == "files/evil.sh"


async def test_what_is_not_kept_any_more_is_named_and_the_rest_is_there(
    api: Api, worker: Client, held: Held, services: Any
) -> None:
    file = await change(worker, held, "a.txt", None, b"lost\n")
    await worker.send_files(held["attempt_id"], FilesRequest(token=held["token"], files=[file]))
    services.blobs.path_of(file.after_blob).unlink()
    found = unpacked((await api.get(f"/api/v1/tasks/{held['task_id']}/bundle?attempt=1")).body)
    manifest = json.loads(found[f"{held['task_id']}.1/manifest.json"])
    assert [one["name"] for one in manifest["left_out"]] == ["diff.patch: a.txt", "a.txt"]


async def test_there_is_no_bundle_before_the_first_attempt(api: Api, store: Store) -> None:
    await submit(store, "Wait")
    (task,) = (await api.get("/api/v1/tasks")).json["items"]
    assert (await api.get(f"/api/v1/tasks/{task['id']}/bundle")).status == 404
    assert (await api.get(f"/api/v1/tasks/{task['id']}/bundle?attempt=9")).status == 404
    assert (await api.get("/api/v1/tasks/tsk_0000000000000/bundle")).status == 404
