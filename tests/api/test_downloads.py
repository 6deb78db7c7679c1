"""Links by which a browser saves a bundle without a token."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from muster.api.downloads import GOOD_SECONDS, MOST, Bundle, DownloadGone, Downloads
from muster.api.native import create_native_app
from muster.api.services import ApiSettings, Services
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_bundle import Held, held, unpacked, worker
from tests.api.test_claims import submit

__all__ = ["held", "worker"]
TOKEN = {"authorization": "Bearer correct horse battery"}


@pytest.fixture
def closed(services: Services, live_router: FastAPI) -> Api:
    """The same server, where calls want a token."""
    settings = ApiSettings(version="1", token="correct horse battery")
    return Api(create_native_app(replace(services, settings=settings), live_router))


async def link(api: Api, task: str, **body: Any) -> Any:
    return await api.post(f"/api/v1/tasks/{task}/bundle/link", body, headers=TOKEN)


async def test_a_link_saves_a_bundle_once_without_a_token(closed: Api, held: Held) -> None:
    """OD-51, OD-8: the token is in no address"""
    made = await link(closed, held["task_id"])
    assert made.status == 200
    assert (made.json["attempt"], made.json["attempt_id"]) == (1, held["attempt_id"])
    assert made.json["url"].startswith("/api/v1/downloads/dl_")
    assert "horse" not in made.json["url"]
    reply = await closed.get(made.json["url"])
    assert reply.headers["content-disposition"] == f'attachment; filename="{held["task_id"]}.1.zip"'
    assert f"{held['task_id']}.1/manifest.json" in unpacked(reply.body)
    again = await closed.get(made.json["url"])
    assert (again.status, again.json["code"]) == (404, "download_gone")
    assert "Make a new one" in again.json["message"]


async def test_a_link_is_made_with_the_token_only_and_opens_nothing_else(closed: Api, held: Held) -> None:
    """OD-51"""
    path = f"/api/v1/tasks/{held['task_id']}/bundle"
    assert (await closed.post(f"{path}/link", {})).status == 401
    made = (await link(closed, held["task_id"], attempt=1)).json
    name = made["url"].rpartition("/")[2]
    assert (await closed.get(path)).status == 401
    assert (await closed.get(f"{path}?link={name}")).status == 401
    assert (await closed.post(made["url"], {})).status == 401
    assert (await closed.get("/api/v1/downloads/dl_guessed")).status == 404
    assert (await closed.get("/api/v1/downloads/../tasks")).status in (401, 404)
    assert (await closed.get(made["url"])).status == 200


async def test_pages_of_other_sites_may_not_follow_one(closed: Api, held: Held) -> None:
    """OD-51: nor use it up"""
    made = (await link(closed, held["task_id"])).json
    for foreign in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
        assert (await closed.get(made["url"], headers=foreign)).status == 403
    assert (await closed.get(made["url"], headers={"sec-fetch-site": "same-origin"})).status == 200


async def test_there_is_no_link_to_what_there_is_not(closed: Api, store: Store) -> None:
    """OD-8: it is said while a person can still be told"""
    await submit(store, "Wait")
    (task,) = (await closed.get("/api/v1/tasks", headers=TOKEN)).json["items"]
    assert (await link(closed, task["id"])).status == 404
    assert (await link(closed, "tsk_0000000000000")).status == 404
    assert (await link(closed, task["id"], attempt=0)).status == 422


class TestTime:
    """A clock that is moved by hand."""

    def test_a_link_is_good_for_a_minute(self) -> None:
        now = [1_000.0]
        links = Downloads(lambda: now[0])
        first, second = (links.make(Bundle("tsk_1", number)) for number in (1, 2))
        now[0] += GOOD_SECONDS - 1
        assert links.spend(first) == Bundle("tsk_1", 1)
        now[0] += 1
        with pytest.raises(DownloadGone):
            links.spend(second)

    def test_of_too_many_the_oldest_gives_way(self) -> None:
        links = Downloads()
        first, *_, last = [links.make(Bundle("tsk_1", 1)) for _ in range(MOST + 1)]
        assert links.spend(last)
        with pytest.raises(DownloadGone):
            links.spend(first)
