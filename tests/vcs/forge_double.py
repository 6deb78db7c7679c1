"""Forges on loopback: GitHub, GitLab and Gitea as far as muster speaks to them, with answers in the shapes of the real ones.

Shapes after the published references: GitHub REST 2022-11-28 (`/repos/{owner}/{repo}/pulls`), GitLab v4
(`/projects/:id/merge_requests`), Gitea 1.22 (`/repos/{owner}/{repo}/pulls`). Fields that muster does not read are
there too, as far as they could be mistaken for those it does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from muster.vcs.forge import ForgeAccess, Kind

TOKEN = "tok_5f2a90c1d3e4b687"
PROJECTS: dict[Kind, str] = {
    "github": "acme/widgets",
    "gitlab": "acme/tools/widgets",
    "gitea": "acme/widgets",
}
APIS: dict[Kind, str] = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}


@dataclass
class ForgeDouble:
    """One project of one forge. `refuse` is a status and a body for the next request to open one."""

    kind: Kind
    port: int = 0
    opened: list[dict[str, Any]] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
    refuse: tuple[int, dict[str, Any]] | None = None
    busy: int = 0
    """So many times it answers 503 first."""
    raced: dict[str, Any] | None = None
    """Opened by somebody else when muster tries to."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/{PROJECTS[self.kind]}.git"

    def access(self, token: str | None = TOKEN) -> ForgeAccess:
        api = f"http://{self.host}{APIS[self.kind]}"
        return ForgeAccess(host=self.host, kind=self.kind, api=api, token=token, variables="FORGE_TOKEN")

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        if self.busy:
            self.busy -= 1
            return web.json_response({"message": "busy"}, status=503)
        if not self._signed_in(request):
            return web.json_response({"message": "Bad credentials"}, status=401)
        path = request.raw_path.split("?")[0].removeprefix(APIS[self.kind])
        match self.kind:
            case "github":
                return await self._github(request, path)
            case "gitlab":
                return await self._gitlab(request, path)
            case "gitea":
                return await self._gitea(request, path)

    def _signed_in(self, request: web.Request) -> bool:
        if self.kind == "gitlab":
            return request.headers.get("PRIVATE-TOKEN") == TOKEN
        word = "Bearer" if self.kind == "github" else "token"
        return request.headers.get("Authorization") == f"{word} {TOKEN}"

    async def _github(self, request: web.Request, path: str) -> web.Response:
        if path == "/repos/acme/widgets":
            return web.json_response({"id": 1, "full_name": "acme/widgets", "default_branch": "trunk"})
        if path != "/repos/acme/widgets/pulls":
            return web.json_response({"message": "Not Found", "status": "404"}, status=404)
        if request.method == "GET":
            owner, _, head = request.query["head"].partition(":")
            found = [one for one in self.opened if one["head"]["ref"] == head and owner == "acme"]
            return web.json_response([one for one in found if one["state"] == request.query["state"]])
        return await self._open(request, self._github_shape)

    def _github_shape(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        return {
            "url": f"http://{self.host}/api/v3/repos/acme/widgets/pulls/{number}",
            "id": 9_000 + number,
            "html_url": f"http://{self.host}/acme/widgets/pull/{number}",
            "number": number,
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "draft": body["draft"],
            "head": {"label": f"acme:{body['head']}", "ref": body["head"]},
            "base": {"label": f"acme:{body['base']}", "ref": body["base"]},
        }

    async def _gitlab(self, request: web.Request, path: str) -> web.Response:
        if path == "/projects/acme%2Ftools%2Fwidgets":
            return web.json_response({"id": 3, "default_branch": "trunk"})
        if path != "/projects/acme%2Ftools%2Fwidgets/merge_requests":
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        if request.method == "GET":
            asked = (request.query["source_branch"], request.query["state"])
            found = [one for one in self.opened if (one["source_branch"], one["state"]) == asked]
            return web.json_response(found)
        return await self._open(request, self._gitlab_shape)

    def _gitlab_shape(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        return {
            "id": 9_000 + number,
            "iid": number,
            "project_id": 3,
            "title": body["title"],
            "description": body["description"],
            "state": "opened",
            "source_branch": body["source_branch"],
            "target_branch": body["target_branch"],
            "draft": body["title"].startswith("Draft: "),
            "web_url": f"http://{self.host}/acme/tools/widgets/-/merge_requests/{number}",
        }

    async def _gitea(self, request: web.Request, path: str) -> web.Response:
        if path == "/repos/acme/widgets":
            return web.json_response({"id": 1, "full_name": "acme/widgets", "default_branch": "trunk"})
        if path != "/repos/acme/widgets/pulls":
            return web.json_response({"message": "not found", "errors": None}, status=404)
        if request.method == "GET":
            page, limit = int(request.query["page"]), int(request.query["limit"])
            found = [one for one in self.opened if one["state"] == request.query["state"]]
            return web.json_response(found[(page - 1) * limit : page * limit])
        return await self._open(request, self._gitea_shape)

    def _gitea_shape(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        return {
            "id": 9_000 + number,
            "url": f"http://{self.host}/acme/widgets/pulls/{number}",
            "html_url": f"http://{self.host}/acme/widgets/pulls/{number}",
            "number": number,
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "draft": body["title"].startswith("WIP: "),
            "head": {"label": body["head"], "ref": body["head"], "repo": {"full_name": "acme/widgets"}},
            "base": {"label": body["base"], "ref": body["base"], "repo": {"full_name": "acme/widgets"}},
        }

    async def _open(self, request: web.Request, shape: Any) -> web.Response:
        body = await request.json()
        if self.raced is not None:
            self.opened.append(shape(self.raced, 99))
            self.raced = None
            return web.json_response({"message": "a request exists already"}, status=409)
        if self.refuse is not None:
            status, told = self.refuse
            return web.json_response(told, status=status)
        made = shape(body, len(self.opened) + 1)
        self.opened.append(made)
        return web.json_response(made, status=201)


@asynccontextmanager
async def forge_double(kind: Kind) -> AsyncIterator[ForgeDouble]:
    """A forge that answers on loopback."""
    double = ForgeDouble(kind)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", double.answer)
    server = TestServer(app)
    await server.start_server()
    double.port = server.port or 0
    yield double
    await server.close()
