"""Forges: where branches go and pull requests are opened, by their REST APIs.

A forge's token belongs to its host: it is sent to that host's API and nowhere else, never written down,
and in no message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import aiohttp

from muster.domain.errors import MusterError

Kind = Literal["github", "gitlab", "gitea"]
SECONDS: Final = 30.0
TRIES: Final = 3
PAUSE: Final = 0.5
COMPLAINT: Final = 600
ANSWER_BYTES: Final = 4 * 1024 * 1024


class RemoteMissing(MusterError):
    """The branch cannot be pushed: {problem}"""

    code = "remote_missing"


class TokenMissing(MusterError):
    """No pull request can be opened on {host}: the worker's environment has no {variables}"""

    code = "token_missing"


class PushRefused(MusterError):
    """{remote} did not take the branch: {problem}"""

    code = "push_refused"


class ForgeRefused(MusterError):
    """{host} did not take the pull request ({status}): {problem}"""

    code = "push_refused"


class ForgeUnreachable(MusterError):
    """{host} could not be reached for the pull request: {problem}"""

    code = "push_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeAccess:
    """A forge as this host may use it. `host` is as in its remotes' URLs, with a port where they have one."""

    host: str
    kind: Kind
    api: str
    token: str | None = field(default=None, repr=False)
    variables: str = ""
    """Names of the environment variables that the token would come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A pull request to be opened: from branch `head` into `base`, of the same project."""

    head: str
    base: str
    title: str
    body: str
    draft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open pull request; `existed`: it was open before."""

    url: str
    number: int
    draft: bool
    existed: bool = False


class Forge(Protocol):
    """What muster needs of a forge. All may raise ForgeRefused and ForgeUnreachable."""

    async def default_branch(self) -> str:
        """Where requests go when nobody says where."""
        ...

    async def find(self, head: str) -> Opened | None:
        """The open request of a branch, if there is one."""
        ...

    async def open(self, wish: Wish) -> Opened:
        """Open a request."""
        ...


async def open_once(forge: Forge, wish: Wish) -> Opened:
    """The branch's open request, or a new one. Also when somebody opened one in the meantime."""
    found = await forge.find(wish.head)
    if found is not None:
        return found
    try:
        return await forge.open(wish)
    except ForgeRefused:
        found = await forge.find(wish.head)
        if found is None:
            raise
        return found


class Rest:
    """Calls to one forge's API: JSON in and out, with its token, without following it elsewhere."""

    def __init__(
        self, session: aiohttp.ClientSession, access: ForgeAccess, headers: Mapping[str, str]
    ) -> None:
        self._session = session
        self._access = access
        self._headers = {"Accept": "application/json", "User-Agent": "muster", **headers}

    async def get(self, path: str, **query: str) -> Any:
        """GET, again when it did not answer or was busy."""
        for number in range(1, TRIES + 1):
            try:
                return await self._call("GET", path, query=query)
            except (ForgeUnreachable, ForgeRefused) as error:
                status = error.details.get("status")
                busy = not isinstance(status, int) or status >= 500
                if number == TRIES or not busy:
                    raise
            await asyncio.sleep(PAUSE * number)
        raise AssertionError

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST, once: what is lost on the way back may have been done."""
        return await self._call("POST", path, body=body)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        host = self._access.host
        try:
            async with self._session.request(
                method,
                f"{self._access.api}{path}",
                params=query,
                json=body,
                headers=self._headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as answer:
                text = (await answer.content.read(ANSWER_BYTES)).decode("utf-8", "replace")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ForgeUnreachable(host=host, problem=str(error) or type(error).__name__) from error
        if not 200 <= status < 300:
            raise ForgeRefused(host=host, status=status, problem=self._complaint(status, text))
        try:
            return json.loads(text)
        except ValueError as error:
            raise ForgeRefused(host=host, status=status, problem="its answer is not JSON") from error

    def _complaint(self, status: int, text: str) -> str:
        hints = {
            301: "the project has moved: give the remote its new URL",
            401: "the token is not valid",
            403: "the token may not do that, or too often",
            404: "there is no such project, or the token may not see it",
        }
        said = " ".join(text.split())[:COMPLAINT]
        if self._access.token:
            said = said.replace(self._access.token, "[token]")
        return ": ".join(filter(None, (hints.get(status), said)))
