"""What waits for a task that will not be done, as the API tells it."""

from __future__ import annotations

from muster.domain.retry import RetryPolicy
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit
from tests.api.test_fleet import overview


async def test_a_dead_letter_says_how_many_open_tasks_wait_for_it_and_these_are_listed(
    api: Api, store: Store
) -> None:
    """OD-20, SQ-3"""
    first = await submit(store, "first", spec={"retry": RetryPolicy(max_attempts=1)})
    behind = await submit(store, "behind", depends_on=(first,))
    await submit(store, "free")
    (held,) = await claim(api)
    assert held["task_id"] == first
    assert (await overview(api))["stuck"] == 0
    await end(api, held, "fail", code="exit", message="no")
    assert ((await overview(api))["problems"], (await overview(api))["stuck"]) == (1, 1)
    assert (await api.get(f"/api/v1/tasks/{first}")).json["blocks"] == 1
    for query in ("stuck=true", f"depends_on={first}"):
        (row,) = (await api.get(f"/api/v1/tasks?{query}")).json["items"]
        assert (row["id"], row["blocks"], row["waiting"]["code"]) == (behind, 0, "dependency_failed")
    assert (await api.get("/api/v1/tasks?depends_on=nonsense")).status == 404
