"""What a task hangs together with, in one answer."""

from __future__ import annotations

from typing import Any

from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire_runs import FileChangeReport, FilesRequest, RunRequest
from muster.domain import ids
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit


async def make(api: Api, title: str, **more: Any) -> str:
    reply = await api.post("/api/v1/tasks", {"title": title, "kind": "manual", **more})
    assert reply.status == 201, reply.json
    return reply.json["id"]


async def graph(api: Api, task: str) -> tuple[list[str], set[tuple[str, str, str]], bool]:
    reply = await api.get(f"/api/v1/tasks/{task}/graph")
    assert reply.status == 200, reply.json
    titles = {node["task"]["id"]: node["task"]["title"] for node in reply.json["nodes"]}
    edges = {(titles[edge["before"]], titles[edge["after"]], edge["kind"]) for edge in reply.json["edges"]}
    return list(titles.values()), edges, reply.json["more"]


async def test_a_task_alone_is_its_own_graph(api: Api) -> None:
    """OD-6"""
    task = await make(api, "alone")
    assert await graph(api, task) == (["alone"], set(), False)
    assert (await api.get("/api/v1/tasks/tsk_0000000000000/graph")).status == 404


async def test_all_steps_before_and_after_a_task_are_in_its_graph_and_nothing_else(api: Api) -> None:
    """OD-6, SW-4a"""
    plan = await make(api, "plan")
    code, docs = [await make(api, title, depends_on=[plan]) for title in ("code", "docs")]
    review = await make(api, "review", depends_on=[code, docs])
    await make(api, "merge", depends_on=[review])
    await make(api, "unrelated")
    nodes, edges, more = await graph(api, code)
    assert (set(nodes), more) == ({"code", "plan", "review", "merge"}, False)
    assert edges == {
        ("plan", "code", "depends"),
        ("code", "review", "depends"),
        ("review", "merge", "depends"),
    }
    assert nodes[0] == "code"


async def test_parts_are_in_the_graph_of_the_whole_and_the_whole_in_theirs(api: Api) -> None:
    """SA-2b"""
    whole = await make(api, "whole")
    one = await make(api, "one", parent_id=whole)
    await make(api, "two", parent_id=whole, depends_on=[one])
    nodes, edges, _ = await graph(api, whole)
    assert set(nodes) == {"whole", "one", "two"}
    assert edges == {("whole", "one", "part"), ("whole", "two", "part"), ("one", "two", "depends")}
    assert ("whole", "one", "part") in (await graph(api, one))[1]


async def test_a_large_graph_is_cut_and_says_so(api: Api) -> None:
    """OD-6"""
    whole = await make(api, "whole")
    tasks = [{"title": f"part {number}", "kind": "manual", "parent_id": whole} for number in range(210)]
    assert (await api.post("/api/v1/tasks/bulk", {"tasks": tasks})).status == 201
    nodes, edges, more = await graph(api, whole)
    assert (len(nodes), len(edges), more) == (200, 199, True)


async def test_files_that_two_owners_changed_are_told(api: Api, store: Store) -> None:
    """SA-2b"""
    whole = await make(api, "whole")
    client = Client(InProcessTransport(api.app))
    for name, paths in (("api", ["api/a.py", "shared.py"]), ("worker", ["worker/w.py", "shared.py"])):
        spec = {"payload": {"owns": [f"{name}/**"]}}
        await submit(store, name, spec=spec, parent_id=ids.decode(ids.TASK, whole))
        (claimed,) = await claim(api)
        await client.describe_run(claimed["attempt_id"], RunRequest(token=claimed["token"], agent="claude"))
        files = [FileChangeReport(path=path, change="modified") for path in paths]
        await client.send_files(claimed["attempt_id"], FilesRequest(token=claimed["token"], files=files))
        await end(api, claimed)
    nodes = (await api.get(f"/api/v1/tasks/{whole}/graph")).json["nodes"]
    told = {node["task"]["title"]: (node["owns"], node["files"], node["shared"]) for node in nodes}
    assert told == {
        "whole": ([], 0, []),
        "api": (["api/**"], 2, ["shared.py"]),
        "worker": (["worker/**"], 2, ["shared.py"]),
    }


async def test_runs_of_the_same_work_are_found_by_their_tag(api: Api) -> None:
    """OD-6"""
    first = await make(api, "again", tags=["nightly"])
    second = (await api.post(f"/api/v1/tasks/{first}/rerun")).json
    third = (await api.post(f"/api/v1/tasks/{second['id']}/rerun")).json
    assert second["tags"] == third["tags"] == ["nightly", f"rerun:{first}"]
    found = (await api.get(f"/api/v1/tasks?tag=rerun:{first}")).json["items"]
    assert [task["id"] for task in found] == [third["id"], second["id"]]
