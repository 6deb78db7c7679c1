"""The web interface as the server gives it out: files, addresses of pages, headers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from muster.api.native import create_native_app
from muster.api.pages import Pages
from muster.api.services import ApiSettings, Services
from tests.api.asgi import Api, Reply

SCRIPT = "document.documentElement.dataset.theme='dark'"
INDEX = f"<!doctype html><script>{SCRIPT}</script><script type='module' src='/assets/a-1.js'></script>"
CODE = "export const x = 1;" * 100
BROWSER = {"accept": "text/html,*/*;q=0.8"}

Site = Callable[..., Api]


@pytest.fixture
def site(services: Services, tmp_path: Path) -> Site:
    """An API with a build of the interface; with settings, if some are given."""
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "a-1.js").write_text(CODE)
    (folder / "assets" / "a-1.js.gz").write_bytes(gzip.compress(CODE.encode()))

    def make(settings: ApiSettings | None = None) -> Api:
        changed = replace(services, pages=Pages(folder), settings=settings or services.settings)
        return Api(create_native_app(changed))

    return make


def kind(reply: Reply) -> str:
    return reply.headers["content-type"].partition(";")[0]


class TestFiles:
    async def test_the_front_page_is_served_and_asked_for_anew_each_time(self, site: Site) -> None:
        """OD-20"""
        reply = await site().get("/")
        assert (reply.status, kind(reply), reply.body.decode()) == (200, "text/html", INDEX)
        assert reply.headers["cache-control"] == "no-cache"
        again = await site().get("/", headers={"if-none-match": reply.headers["etag"]})
        assert (again.status, again.body) == (304, b"")

    async def test_files_with_fingerprints_are_kept_for_good_and_come_compressed(self, site: Site) -> None:
        """OD-20"""
        plain = await site().get("/assets/a-1.js")
        packed = await site().get("/assets/a-1.js", headers={"accept-encoding": "gzip, br"})
        assert (kind(plain), plain.body.decode()) == ("text/javascript", CODE)
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body).decode() == CODE
        assert "immutable" in packed.headers["cache-control"]

    async def test_an_address_of_the_interface_is_its_front_page(self, site: Site) -> None:
        """OD-20: reload and back restore a page."""
        for path in ("/tasks/tsk_0dq3m8x1c7w00/changes", "/inbox", "/nowhere"):
            reply = await site().get(path, headers=BROWSER)
            assert (reply.status, kind(reply)) == (200, "text/html"), path

    async def test_what_is_not_there_is_said_in_the_way_of_the_api(self, site: Site) -> None:
        """OD-20"""
        for path in ("/assets/b-2.js", "/api/v1/nowhere", "/sparkq/nowhere"):
            reply = await site().get(path, headers=BROWSER)
            assert (reply.status, kind(reply)) == (404, "application/json"), path
        assert (await site().get("/nowhere")).status == 404

    async def test_nothing_outside_of_the_build_is_given_out(self, site: Site, tmp_path: Path) -> None:
        """A build's folder is all there is."""
        (tmp_path / "secret.txt").write_text("kept apart")
        for path in ("/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt"):
            reply = await site().get(path)
            assert b"kept apart" not in reply.body, path

    async def test_the_api_is_as_it_was(self, site: Site) -> None:
        """OD-21: the interface is a client like others."""
        assert kind(await site().get("/health", headers=BROWSER)) == "application/json"
        assert (await site().call("POST", "/tasks")).status == 404


class TestHeaders:
    async def test_the_policy_lets_in_nothing_but_the_build(self, site: Site) -> None:
        """OD-20: nothing loads from another host."""
        policy = (await site().get("/")).headers["content-security-policy"]
        parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert parts["default-src"] == "'none'"
        assert parts["script-src"].startswith("'self' 'sha256-")
        assert "unsafe" not in policy
        assert "http" not in policy

    async def test_pages_need_no_token_and_what_they_show_does(self, site: Site) -> None:
        """Nothing secret is in the files."""
        api = site(ApiSettings(token="t0ken"))
        assert (await api.get("/")).status == 200
        assert (await api.get("/tasks", headers=BROWSER)).status == 200
        assert (await api.get("/api/v1/fleet")).status == 401
        assert (await api.get("/api/v1/fleet", headers={"authorization": "Bearer t0ken"})).status == 200

    async def test_another_name_of_the_server_is_refused_for_pages_too(self, site: Site) -> None:
        """Against DNS rebinding."""
        assert (await site().get("/", headers={"host": "evil.example"})).status == 403


async def test_without_a_build_a_page_says_how_to_make_it(services: Services, tmp_path: Path) -> None:
    """OD-20"""
    api = Api(create_native_app(replace(services, pages=Pages(tmp_path / "none"))))
    reply = await api.get("/")
    assert reply.status == 200
    assert b"make setup" in reply.body
    assert (await api.get("/tasks", headers=BROWSER)).status == 404


async def test_a_head_request_gets_the_headers_alone(site: Site) -> None:
    """RFC 9110, 9.3.2"""
    reply = await site().call("HEAD", "/")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) == len(INDEX)
