"""Pull requests on each forge: one for each branch, drafts, refusals that say why (SW-4i)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from muster.vcs.forge import (
    ForgeAccess,
    ForgeRefused,
    ForgeUnreachable,
    Kind,
    RemoteMissing,
    TokenMissing,
    Wish,
    open_once,
)
from muster.vcs.forges import connected, forge_of
from muster.vcs.remote import Remote, place_of
from tests.vcs.forge_double import PROJECTS, TOKEN, ForgeDouble, forge_double

WISH = Wish(head="muster/tsk_1", base="main", title="Mend it", body="What changed", draft=True)
BODIES: dict[Kind, dict[str, Any]] = {
    "github": {
        "title": "Mend it",
        "body": "What changed",
        "head": "muster/tsk_1",
        "base": "main",
        "draft": True,
    },
    "gitlab": {
        "title": "Draft: Mend it",
        "description": "What changed",
        "source_branch": "muster/tsk_1",
        "target_branch": "main",
    },
    "gitea": {"title": "WIP: Mend it", "body": "What changed", "head": "muster/tsk_1", "base": "main"},
}


@pytest.fixture(params=["github", "gitlab", "gitea"])
async def double(request: pytest.FixtureRequest) -> AsyncIterator[ForgeDouble]:
    async with forge_double(cast(Kind, request.param)) as made:
        yield made


async def test_a_draft_is_opened_and_found_again_instead_of_a_second(double: ForgeDouble) -> None:
    async with connected(double.access(), PROJECTS[double.kind]) as forge:
        first = await open_once(forge, WISH)
        again = await open_once(forge, WISH)
    assert (first.number, first.draft, first.existed) == (1, True, False)
    assert (again.url, again.draft, again.existed) == (first.url, True, True)
    assert len(double.opened) == 1
    sent = [await request.json() for request in double.asked if request.method == "POST"]
    assert sent == [BODIES[double.kind]]
    assert str(double.port) in first.url
    assert "/api/" not in first.url


async def test_a_request_that_is_no_draft_is_one_for_review(double: ForgeDouble) -> None:
    async with connected(double.access(), PROJECTS[double.kind]) as forge:
        opened = await open_once(forge, Wish(head="b", base="main", title="Mend it", body="", draft=False))
    assert not opened.draft
    assert double.opened[0]["title"] == "Mend it"


async def test_the_default_branch_is_the_forges(double: ForgeDouble) -> None:
    async with connected(double.access(), PROJECTS[double.kind]) as forge:
        assert await forge.default_branch() == "trunk"


async def test_one_that_somebody_opened_meanwhile_is_taken(double: ForgeDouble) -> None:
    double.raced = BODIES[double.kind]
    async with connected(double.access(), PROJECTS[double.kind]) as forge:
        opened = await open_once(forge, WISH)
    assert (opened.number, opened.existed) == (99, True)


async def test_a_refusal_says_why_and_never_names_the_token(double: ForgeDouble) -> None:
    double.refuse = (422, {"message": f"base does not exist, {TOKEN}"})
    async with connected(double.access(), PROJECTS[double.kind]) as forge:
        with pytest.raises(ForgeRefused, match="base does not exist") as caught:
            await open_once(forge, WISH)
    assert caught.value.code == "push_refused"
    assert TOKEN not in caught.value.message
    assert TOKEN not in repr(double.access())


@pytest.mark.parametrize(
    ("token", "project", "word"), [("wrong", None, "not valid"), (TOKEN, "acme/none", "no such project")]
)
async def test_a_wrong_token_and_a_wrong_project_are_told_apart(
    double: ForgeDouble, token: str, project: str | None, word: str
) -> None:
    async with connected(double.access(token), project or PROJECTS[double.kind]) as forge:
        with pytest.raises(ForgeRefused, match=word):
            await open_once(forge, WISH)


async def test_a_busy_forge_is_asked_again(double: ForgeDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster.vcs.forge.PAUSE", 0.0)
    double.busy = 2
    async with connected(double.access(), PROJECTS[double.kind]) as forge:
        assert (await open_once(forge, WISH)).number == 1


async def test_a_forge_that_is_gone_is_told(double: ForgeDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster.vcs.forge.PAUSE", 0.0)
    gone = ForgeAccess(host="127.0.0.1:9", kind=double.kind, api="http://127.0.0.1:9", token=TOKEN)
    async with connected(gone, "acme/widgets") as forge:
        with pytest.raises(ForgeUnreachable):
            await forge.find("b")


async def test_a_branch_of_a_fork_on_gitea_is_not_ours() -> None:
    async with forge_double("gitea") as double, connected(double.access(), "acme/widgets") as forge:
        await open_once(forge, WISH)
        double.opened[0]["head"]["repo"]["full_name"] = "mallory/widgets"
        assert await forge.find(WISH.head) is None
        assert not (await open_once(forge, WISH)).existed


async def test_many_open_requests_on_gitea_are_looked_through() -> None:
    async with forge_double("gitea") as double, connected(double.access(), "acme/widgets") as forge:
        wishes = [
            Wish(head=f"b{number}", base="main", title="t", body="", draft=False) for number in range(60)
        ]
        for wish in wishes:
            await forge.open(wish)
        found = await forge.find("b59")
        assert found is not None
        assert found.number == 60


class TestWhereRemotesLead:
    @pytest.mark.parametrize(
        ("url", "place"),
        [
            ("https://github.com/acme/widgets.git", ("github.com", "acme/widgets")),
            ("https://ann:secret@GitHub.com/acme/widgets/", ("github.com", "acme/widgets")),
            ("git@gitlab.com:acme/tools/widgets.git", ("gitlab.com", "acme/tools/widgets")),
            ("ssh://git@git.example.org:2222/acme/widgets", ("git.example.org", "acme/widgets")),
            ("http://127.0.0.1:3000/acme/widgets.git", ("127.0.0.1:3000", "acme/widgets")),
            ("/srv/git/widgets.git", ("", "srv/git/widgets")),
            ("../widgets.git", ("", "../widgets")),
        ],
    )
    def test_a_url_is_read(self, url: str, place: tuple[str, str]) -> None:
        host, project = place_of(url)
        assert host == place[0]
        if host:
            assert project == place[1]

    def test_an_unknown_host_and_a_missing_token_are_named(self) -> None:
        known = [ForgeAccess(host="github.com", kind="github", api="x", variables="GITHUB_TOKEN or GH_TOKEN")]
        here = Remote(name="origin", host="github.com", project="a/b", push_url="https://github.com/a/b")
        with pytest.raises(TokenMissing, match="GITHUB_TOKEN or GH_TOKEN"):
            forge_of(here, known)
        url = "https://ann:secret@git.example.org/a/b"
        there = Remote(name="origin", host="git.example.org", project="a/b", push_url=url)
        with pytest.raises(RemoteMissing, match=r"agents\.forges") as caught:
            forge_of(there, known)
        assert "secret" not in caught.value.message + repr(there)
